import { at } from '../base/at.ts';
import { alignUp } from '../base/bytes.ts';
import { allSettled } from '../base/settled.ts';
import type { Tensor } from '../ggml/graph.ts';
import type { HostMemory } from '../ggml/host-memory.ts';
import { TensorSet } from '../ggml/tensor-set.ts';
import { rowBytes } from '../gguf/types.ts';
import type { StreamedSlice } from '../pager/weight-source.ts';
import { layRing } from '../plan/ring.ts';
import { kvTypeOf } from '../state/kv-shape.ts';
import { type KvRows, sinkRow, writtenRows } from '../state/rows.ts';
import { spillUnit } from '../state/spill.ts';
import type { SpilledArea } from '../state/spilled-area.ts';
import type { Span, SpanShape } from './span.ts';

/** The keys, or the values, that a span attends to in a layer, on their way from the SSD and back. */
interface StagedPart {
  readonly stored: StoredPart;
  readonly rowBytes: number;
  readonly heads: readonly StagedHead[];
}

interface StagedHead {
  readonly area: SpilledArea;
  /** The rows that attention looks at, in whole units. */
  readonly image: Uint8Array;
  /** Bytes that are read; those behind them are new. */
  readonly read: number;
}

/** Keys or values in memory: the rows of each head, and bytes from one head to the next. */
export interface StoredPart {
  readonly tensor: Tensor;
  readonly headBytes: number;
}

/** The keys and values of a layer in memory. */
export interface StoredLayer {
  readonly k: StoredPart;
  readonly v: StoredPart;
}

/** The keys and values of a layer on the SSD that a span attends to. */
export interface StagedLayer {
  readonly span: number;
  readonly layer: number;
  readonly rows: KvRows;
  readonly k: StagedPart;
  readonly v: StagedPart;
  /** The node of the graph that is the first to need it. */
  node: number;
}

/** Keys and values that live on the SSD while a pass computes on them: each has a place in a ring, in order of use. */
export class Staging implements Disposable {
  /** Layers in order of use. */
  readonly layers: readonly StagedLayer[];
  /** Reads of keys and values of each layer in turn, head by head. */
  readonly reads: readonly StreamedSlice[];
  readonly #tensors: TensorSet;

  constructor(spans: readonly SpanShape[], ring: HostMemory) {
    const drafts = draftsOf(spans);
    this.#tensors = new TensorSet(2 * drafts.length);
    const sizes = drafts.flatMap(({ k, v }) => [k, v].map(({ areas, headBytes }) => areas.length * headBytes));
    const places = layRing(sizes, ring.bytes);
    const part = ({ areas, type, shape, rowBytes: row, headBytes, read }: PartDraft, turn: number): StagedPart => {
      const offset = at(places, turn).offset;
      const tensor = { pointer: this.#tensors.add(type, shape), shape };
      ring.place(tensor.pointer, offset);
      const heads = areas.map((area, i) => ({ area, image: ring.view(offset + i * headBytes, headBytes), read }));
      return { stored: { tensor, headBytes }, rowBytes: row, heads };
    };
    this.layers = drafts.map(({ k, v, ...layer }, i) => ({
      ...layer,
      k: part(k, 2 * i),
      v: part(v, 2 * i + 1),
      node: 0,
    }));
    this.reads = this.layers.flatMap(({ k, v, span }, i) => {
      const replaced = at(spans, span).replaced;
      return [k, v].flatMap(({ heads }, j) =>
        heads.map(({ area: { place }, image, read }, head) => ({
          file: place.file,
          pages: { start: place.position, bytes: read, skew: 0 },
          into: image.subarray(0, read),
          // A part whose bytes are overwritten is free with its last head.
          after: (at(places, 2 * i + j).after - 1) * heads.length + head + 1,
          replaced,
        })),
      );
    });
  }

  /** The stored keys and values of a span's layer, which node `node` is the first to need. */
  at(span: number, layer: number, node: number): StoredLayer {
    const staged = this.layers.find((one) => one.span === span && one.layer === layer);
    if (!staged) throw new RangeError(`layer ${layer} is not staged`);
    staged.node = node;
    return { k: staged.k.stored, v: staged.v.stored };
  }

  /** Completes a layer whose bytes have been read with those that have not been written yet. */
  arrived({ k, v }: StagedLayer): void {
    for (const { area, image, read } of [...k.heads, ...v.heads]) {
      // Attention also multiplies the rows that its mask hides: they must not be NaN.
      image.fill(0, read);
      area.update(image);
    }
  }

  /**
   * Keeps the rows that `span` stored in a layer, which has been computed on. The layer's bytes must not change until
   * this ends. Rejects with WRITE_FAILED.
   */
  async stored({ rows, k, v }: StagedLayer, { kv, start, tokens }: Span): Promise<void> {
    const sinks = rows.window?.sinks ?? 0;
    const shifted = sinks > 0 ? kv.sinkShifts(start, tokens.length).map((steps) => sinkRow(rows, steps)) : [];
    const changed = [...shifted.map((row) => [row, row + sinks] as const), ...writtenRows(rows, start, tokens.length)];
    const end = sinks + rows.ring;
    await allSettled(
      [k, v].flatMap(({ heads, rowBytes: row }) => {
        const dirty = changed.map(([from, to]) => [from * row, to * row] as const);
        return heads.map(({ area, image }) => area.spill(image, dirty, end * row));
      }),
    );
  }

  [Symbol.dispose](): void {
    this.#tensors[Symbol.dispose]();
  }
}

interface PartDraft {
  /** Areas by head. */
  readonly areas: readonly SpilledArea[];
  readonly type: number;
  readonly shape: readonly number[];
  readonly rowBytes: number;
  readonly headBytes: number;
  readonly read: number;
}

/** The parts to be staged, layer by layer. */
function draftsOf(spans: readonly SpanShape[]) {
  const layers = Math.max(0, ...spans.map(({ kv }) => kv.layers.length));
  return Array.from({ length: layers }, (_, layer) => layer).flatMap((layer) =>
    spans.flatMap((shape, span) => {
      const stored = shape.kv.layers[layer];
      if (stored?.parts.home !== 'ssd') return [];
      const { keyLength, valueLength, type: name } = shape.kv.shape;
      const type = kvTypeOf(name);
      const [reach, read] = [at(shape.attendedRows, layer), at(shape.reads, layer)];
      const draft = (areas: readonly SpilledArea[], length: number): PartDraft => {
        const row = rowBytes(type, length);
        const inUnits = (rows: number): number => alignUp(rows * row, spillUnit);
        const headBytes = inUnits(reach);
        const rows = Math.floor(((areas.length - 1) * headBytes + reach * row) / row);
        return { areas, type: type.id, shape: [length, rows], rowBytes: row, headBytes, read: inUnits(read) };
      };
      const { k, v } = stored.parts;
      return [{ span, layer, rows: stored.rows, k: draft(k, keyLength), v: draft(v, valueLength) }];
    }),
  );
}
