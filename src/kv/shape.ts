import { alignUp } from '../base/bytes.ts';
import { byName, type GgmlType, rowBytes } from '../gguf/types.ts';
import type { KvHome, KvType, Window } from '../plan/kv-choice.ts';
import { type KvRows, reachOf, rowsOf } from './rows.ts';
import { spillUnit } from './spill.ts';

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
  /** By layer; left out, memory. */
  readonly homes?: readonly KvHome[];
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

/** Bytes from the start of a memory or a file. */
export interface KvArea {
  readonly offset: number;
  readonly length: number;
}

/** Where the parts of a layer lie. */
export interface LayerPlaces {
  readonly rows: KvRows;
  /** Where keys and values are: on the SSD in whole units. */
  readonly home: KvHome;
  readonly k: KvArea;
  readonly v: KvArea;
  /** In memory: a unit each of what is on the SSD. */
  readonly tails: { readonly k: KvArea; readonly v: KvArea } | undefined;
  /** In memory: keys and values of the sinks as they were computed. */
  readonly sinks: { readonly k: KvArea; readonly v: KvArea };
}

/** The layers one after the other: keys, values, sinks. Also the bytes of memory and of the file that they take. */
export function kvPlaces(shape: KvShape): {
  readonly layers: readonly LayerPlaces[];
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
    const home = shape.homes?.[il] ?? 'ram';
    const whole = (bytes: number): number => (home === 'ssd' ? alignUp(bytes, spillUnit) : bytes);
    const unit = (): KvArea => take('ram', spillUnit);
    const [k, v] = [take(home, whole(row.key * rows.count)), take(home, whole(row.value * rows.count))];
    const tails = home === 'ssd' ? { k: unit(), v: unit() } : undefined;
    const sinks = rows.window?.sinks ?? 0;
    return { rows, home, k, v, tails, sinks: { k: take('ram', sink.key * sinks), v: take('ram', sink.value * sinks) } };
  });
  return { layers, ...ends };
}

/** Bytes of memory that the keys and values of one sequence take. */
export const kvBytes = (shape: KvShape): number => kvPlaces(shape).ram;

/** Bytes that they take on the SSD. */
export const kvFileBytes = (shape: KvShape): number => kvPlaces(shape).ssd;

/** Parts that the ring holds: the keys and values that are computed on, and those that are on their way. */
const ringSlots = 4;

/** Bytes of memory through which what is on the SSD passes: a ring for all sequences. */
export const kvRingBytes = (shape: KvShape): number =>
  ringSlots *
  Math.max(0, ...kvPlaces(shape).layers.flatMap(({ home, k, v }) => (home === 'ssd' ? [k.length, v.length] : [])));

/** Some keys or values, of a layer or of its sinks. */
export interface KvPiece {
  readonly layer: number;
  readonly part: 'k' | 'v' | 'sinks';
  /** Bytes from the start of the part: a multiple of the unit. */
  readonly offset: number;
  readonly length: number;
  /** Of them, those that shorter text needs. */
  readonly needed: number;
}

/** Pieces are small enough to be copied on the way, and a multiple of the unit. */
const pieceBytes = 2 ** 22;

/** The keys and values of the first `tokens` tokens, layer by layer, of which `shorter` tokens are needed. */
export function kvPieces(shape: KvShape, tokens: number, shorter: number = tokens): readonly KvPiece[] {
  const { key, value } = tokenBytes(shape);
  return kvPlaces(shape).layers.flatMap(({ rows, sinks }, layer) => {
    const cut = (part: KvPiece['part'], length: number, needed: number): readonly KvPiece[] =>
      Array.from({ length: Math.ceil(length / pieceBytes) }, (_, i) => {
        const offset = i * pieceBytes;
        const within = (bytes: number): number => Math.max(0, Math.min(pieceBytes, bytes - offset));
        return { layer, part, offset, length: within(length), needed: within(needed) };
      });
    const [all, some] = [storedRows(rows, tokens), storedRows(rows, shorter)];
    const sinkLength = tokens > 0 ? sinks.k.length + sinks.v.length : 0;
    return [
      ...cut('k', key * all, key * some),
      ...cut('v', value * all, value * some),
      ...cut('sinks', sinkLength, sinkLength),
    ];
  });
}

/** Rows that the first `tokens` tokens lie in: from the first one on, or past a ring's first turn all. */
function storedRows(rows: KvRows, tokens: number): number {
  const stored = Math.min(tokens, reachOf(rows, tokens));
  return tokens > stored ? rows.count : stored;
}
