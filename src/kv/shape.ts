import { byName, type GgmlType, rowBytes } from '../gguf/types.ts';
import type { KvType, Window } from '../plan/kv-choice.ts';
import { type KvRows, reachOf, rowsOf } from './rows.ts';

/** What the keys and values of one sequence look like. */
export interface KvShape {
  readonly layers: number;
  readonly kvHeads: number;
  readonly keyLength: number;
  readonly valueLength: number;
  /** Tokens it may grow to. */
  readonly context: number;
  /** Heads are whole blocks of it. */
  readonly type: KvType;
  /** By layer; left out, or null, a layer sees everything. */
  readonly windows?: readonly (Window | null)[];
  /** The most tokens stored by one pass, where there are windows. */
  readonly pass?: number;
}

/** ggml's type of that name. */
export function typeNamed(name: KvType): GgmlType {
  const type = byName(name);
  if (!type) throw new RangeError(`there is no type ${name}`);
  return type;
}

/** Bytes of one token's keys, and of its values, in one layer. */
function tokenBytes(shape: KvShape): { readonly key: number; readonly value: number } {
  const type = typeNamed(shape.type);
  return {
    key: rowBytes(type, shape.keyLength * shape.kvHeads),
    value: rowBytes(type, shape.valueLength * shape.kvHeads),
  };
}

/** Bytes of one sink as it was computed, its keys not rotated: float32. */
function sinkBytes(shape: KvShape): { readonly key: number; readonly value: number } {
  const f32 = 4;
  return { key: f32 * shape.keyLength * shape.kvHeads, value: f32 * shape.valueLength * shape.kvHeads };
}

/** The rows of each layer; layers with the same window share them. */
function layerRows({ layers, windows, context, pass = 1 }: KvShape): readonly KvRows[] {
  const known = new Map<string, KvRows>();
  return Array.from({ length: layers }, (_, il) => {
    const window = windows?.[il] ?? undefined;
    const key = JSON.stringify(window ?? null);
    const rows = known.get(key) ?? rowsOf(window, { context, pass });
    known.set(key, rows);
    return rows;
  });
}

/** Where the parts of a layer lie: bytes from the start of the memory. */
export interface LayerPlaces {
  readonly rows: KvRows;
  readonly k: number;
  readonly v: number;
  /** Keys and values of the sinks as they were computed. */
  readonly sinkK: number;
  readonly sinkV: number;
  readonly end: number;
}

/** The layers one after the other: keys, values, sinks. */
export function layerPlaces(shape: KvShape): readonly LayerPlaces[] {
  const row = tokenBytes(shape);
  const sink = sinkBytes(shape);
  let end = 0;
  return layerRows(shape).map((rows) => {
    const sinks = rows.window?.sinks ?? 0;
    const k = end;
    const v = k + row.key * rows.count;
    const sinkK = v + row.value * rows.count;
    const sinkV = sinkK + sink.key * sinks;
    end = sinkV + sink.value * sinks;
    return { rows, k, v, sinkK, sinkV, end };
  });
}

/** Bytes of the keys and values of one sequence. */
export const kvBytes = (shape: KvShape): number => layerPlaces(shape).at(-1)?.end ?? 0;

/** Bytes from the start of the memory. */
export interface KvArea {
  readonly offset: number;
  readonly length: number;
}

/** Where the keys and values of the first `tokens` tokens lie, layer by layer. */
export function kvAreas(shape: KvShape, tokens: number): readonly KvArea[] {
  const { key, value } = tokenBytes(shape);
  return layerPlaces(shape).flatMap(({ rows, k, v, sinkK, end }) => {
    const stored = Math.min(tokens, reachOf(rows, tokens));
    // Past its first turn a ring is kept as a whole.
    const count = tokens > stored ? rows.count : stored;
    const areas = [
      { offset: k, length: key * count },
      { offset: v, length: value * count },
    ];
    return end > sinkK && tokens > 0 ? [...areas, { offset: sinkK, length: end - sinkK }] : areas;
  });
}
