import { at } from '../base/at.ts';
import { alignUp } from '../base/bytes.ts';
import { type GgmlType, rowBytes, typeNamed } from '../gguf/types.ts';
import type { KvHome, KvType, Window } from '../plan/kv-options.ts';
import { type KvRows, rowsOf, sinksOf } from './rows.ts';
import { spillUnit } from './spill.ts';

/** The form of one sequence's keys and values. */
export interface KvShape {
  readonly layers: number;
  readonly kvHeads: number;
  readonly keyLength: number;
  readonly valueLength: number;
  /** Tokens that the sequence may grow to. */
  readonly context: number;
  /** The type of elements; heads are whole blocks of it. */
  readonly type: KvType;
  /** Windows by layer; without one, or with null, a layer sees everything. */
  readonly windows?: readonly (Window | null)[];
  /** The most tokens stored by one pass, where there are windows. */
  readonly pass?: number;
  /** Homes by layer; default: memory. */
  readonly homes?: readonly KvHome[];
}

/** The type that ggml has by that name. */
export function kvTypeOf(name: KvType): GgmlType {
  const type = typeNamed(name);
  if (!type) throw new RangeError(`there is no type ${name}`);
  return type;
}

/** Bytes of one token's key, and of its value, in one head of one layer. */
function tokenBytes({ type: name, keyLength, valueLength }: KvShape): { readonly key: number; readonly value: number } {
  const type = kvTypeOf(name);
  return { key: rowBytes(type, keyLength), value: rowBytes(type, valueLength) };
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
    const window = (windows && at(windows, il)) ?? undefined;
    const key = JSON.stringify(window ?? null);
    const rows = known.get(key) ?? rowsOf(window, { context, pass });
    known.set(key, rows);
    return rows;
  });
}

/**
 * A name for the form of stored rows: homes make no difference to it, nor does the context except to the rows of windows.
 */
export function kvForm(shape: KvShape): string {
  const { layers, kvHeads, keyLength, valueLength, type } = shape;
  const windowed = layerRows(shape).map((rows) => (rows.window ? rows : null));
  return JSON.stringify([layers, kvHeads, keyLength, valueLength, type, windowed]);
}

/** Bytes from the start of a memory or a file. */
export interface KvArea {
  readonly offset: number;
  readonly length: number;
}

/** The parts of a layer, by place. */
export interface LayerAreas {
  readonly rows: KvRows;
  /** Bytes of a row's key, and of its value, in one head. */
  readonly rowBytes: { readonly key: number; readonly value: number };
  /** The home of keys and values, which lie head by head, one after the other: on the SSD in whole units each. */
  readonly home: KvHome;
  readonly k: readonly KvArea[];
  readonly v: readonly KvArea[];
  /** Memory for a unit of each head that is on the SSD. */
  readonly tails: { readonly k: readonly KvArea[]; readonly v: readonly KvArea[] } | undefined;
  /** Memory for keys and values of the sinks as they were computed. */
  readonly sinks: { readonly k: KvArea; readonly v: KvArea };
}

/** The layers one after the other: keys, values, sinks; and the bytes of memory and of the file that they take. */
export function kvAreas(shape: KvShape): {
  readonly layers: readonly LayerAreas[];
  readonly ram: number;
  readonly ssd: number;
} {
  const row = tokenBytes(shape);
  const sink = sinkBytes(shape);
  const ends = { ram: 0, ssd: 0 };
  const take = (home: KvHome, length: number): KvArea => {
    const offset = ends[home];
    ends[home] += length;
    return { offset, length };
  };
  const layers = layerRows(shape).map((rows, il) => {
    const home = shape.homes ? at(shape.homes, il) : 'ram';
    const byHead = (from: KvHome, bytes: number): readonly KvArea[] =>
      Array.from({ length: shape.kvHeads }, () => take(from, bytes));
    const stored = (bytes: number): readonly KvArea[] =>
      byHead(home, home === 'ssd' ? alignUp(bytes, spillUnit) : bytes);
    const [k, v] = [stored(row.key * rows.count), stored(row.value * rows.count)];
    const tails = home === 'ssd' ? { k: byHead('ram', spillUnit), v: byHead('ram', spillUnit) } : undefined;
    const sinks = sinksOf(rows);
    return {
      rows,
      rowBytes: row,
      home,
      k,
      v,
      tails,
      sinks: { k: take('ram', sink.key * sinks), v: take('ram', sink.value * sinks) },
    };
  });
  return { layers, ...ends };
}

/** Bytes of the keys, or of the values, of all heads of a layer. */
export const partBytes = (heads: readonly KvArea[]): number => heads.reduce((sum, { length }) => sum + length, 0);

/** Bytes of memory that the keys and values of one sequence take. */
export const kvBytes = (shape: KvShape): number => kvAreas(shape).ram;

/** Bytes that the keys and values of one sequence take on the SSD. */
export const kvFileBytes = (shape: KvShape): number => kvAreas(shape).ssd;

/** The ring holds this many parts: the keys and values that are computed on, and those that are on their way. */
const ringSegments = 4;

/** Bytes of the ring, one for all sequences, through which keys and values on the SSD pass. */
export const kvRingBytes = (shape: KvShape): number =>
  ringSegments *
  Math.max(
    0,
    ...kvAreas(shape).layers.flatMap(({ home, k, v }) => (home === 'ssd' ? [partBytes(k), partBytes(v)] : [])),
  );
