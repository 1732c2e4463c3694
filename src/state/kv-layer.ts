import { at } from '../base/at.ts';
import type { Tensor } from '../ggml/graph.ts';
import type { Memory } from '../ggml/memory.ts';
import type { LayerAreas } from './kv-shape.ts';
import { cutIntoPieces, type LayerState, type StatePiece, type StoredText } from './layer-state.ts';
import { attendedRowCount, canTrim, type KvRows } from './rows.ts';
import type { SpilledArea } from './spilled-area.ts';

/** The tensors or areas of a layer; see `KvLayer`. */
export interface KvLayerParts {
  readonly parts:
    | { readonly home: 'ram'; readonly k: Tensor; readonly v: Tensor }
    | { readonly home: 'ssd'; readonly k: readonly SpilledArea[]; readonly v: readonly SpilledArea[] };
  /** Keys (keyLength * kvHeads, sinks), not rotated, and values of the sinks as they were computed, float32. */
  readonly sinks: { readonly k: Tensor; readonly v: Tensor } | undefined;
}

/**
 * Keys (keyLength, rows, kvHeads) and values (valueLength, rows, kvHeads) of one layer, of the shape's type. Attention
 * goes through them head by head: at thousands of rows, rows of a head that lie together are read 1.6 to 5 times as
 * fast as rows with all heads.
 */
export class KvLayer implements LayerState, KvLayerParts {
  readonly rows: KvRows;
  readonly parts: KvLayerParts['parts'];
  readonly sinks: KvLayerParts['sinks'];
  readonly snapshots: readonly number[] = [];
  readonly #areas: LayerAreas;
  readonly #memory: Pick<Memory, 'read' | 'write'>;

  /** A layer of tensors over `areas`; `memory` holds those that are not on the SSD, where their bytes are asked for. */
  constructor({ parts, sinks }: KvLayerParts, areas: LayerAreas, memory: Pick<Memory, 'read' | 'write'>) {
    this.rows = areas.rows;
    this.parts = parts;
    this.sinks = sinks;
    this.#areas = areas;
    this.#memory = memory;
  }

  reachable(length: number, { written }: StoredText): number {
    return canTrim(this.rows, length, written) ? length : 0;
  }

  // Rows are written behind those before, and cut off by being forgotten: there is nothing to save.
  begin(): void {}
  stored(): void {}
  snapshot(): void {}
  restore(): void {}

  /** Keys head by head, then values, then sinks. */
  pieces(length: number, wanted: number): readonly Omit<StatePiece, 'layer'>[] {
    const { rowBytes, sinks, k, v } = this.#areas;
    const [all, some] = [storedRows(this.rows, length), storedRows(this.rows, wanted)];
    const head = (part: 'k' | 'v', index: number, row: number): readonly Omit<StatePiece, 'layer'>[] =>
      cutIntoPieces(part, index, { length: row * all, needed: row * some });
    const sinkBytes = length > 0 ? sinks.k.length + sinks.v.length : 0;
    return [
      ...k.flatMap((_, i) => head('k', i, rowBytes.key)),
      ...v.flatMap((_, i) => head('v', i, rowBytes.value)),
      ...cutIntoPieces('sinks', 0, { length: sinkBytes, needed: sinkBytes }),
    ];
  }

  copy(piece: StatePiece, into: Uint8Array): void {
    into.set(this.view(piece));
  }

  /** The bytes of a piece that lies in memory: shared, or copied from a device. */
  view(piece: StatePiece): Uint8Array {
    return this.#memory.read(this.#offsetOf(piece), piece.length);
  }

  async read(piece: StatePiece): Promise<Uint8Array> {
    return (await this.#spilled(piece)?.read(piece.offset, piece.length)) ?? this.view(piece);
  }

  async write(piece: StatePiece, bytes: Uint8Array): Promise<void> {
    const spilled = this.#spilled(piece);
    if (spilled) await spilled.write(piece.offset, bytes);
    else await this.#memory.write(this.#offsetOf(piece), bytes);
  }

  #offsetOf({ part, index, offset }: StatePiece): number {
    if (part === 'state') throw new RangeError(`a layer of keys and values has no ${part} in memory`);
    const area = part === 'sinks' ? this.#areas.sinks.k : at(this.#areas[part], index);
    return area.offset + offset;
  }

  #spilled({ part, index }: StatePiece): SpilledArea | undefined {
    const { parts } = this;
    return parts.home === 'ssd' && (part === 'k' || part === 'v') ? at(parts[part], index) : undefined;
  }
}

/**
 * The number of rows that the first `tokens` tokens lie in: from the first one on; all, once a ring has begun anew.
 * Without a window it does not depend on the context.
 */
function storedRows(rows: KvRows, tokens: number): number {
  if (!rows.window) return tokens;
  const stored = Math.min(tokens, attendedRowCount(rows, tokens));
  return tokens > stored ? rows.count : stored;
}
