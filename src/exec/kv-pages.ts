import { at } from '../base/at.ts';
import { alignUp } from '../base/bytes.ts';
import type { Tensor } from '../ggml/graph.ts';
import { type Memory, sharedBytes } from '../ggml/memory.ts';
import { TensorSet } from '../ggml/tensor-set.ts';
import { rowBytes } from '../gguf/types.ts';
import type { Block } from '../pager/block.ts';
import { layRing } from '../plan/ring-segments.ts';
import { kvTypeOf } from '../state/kv-shape.ts';
import { sinkRow, sinksOf, writtenRows } from '../state/rows.ts';
import { spillUnit } from '../state/spill.ts';
import type { SpilledArea } from '../state/spilled-area.ts';
import type { Span, SpanShape } from './span.ts';

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

/** The keys and values of a span's layer that live on the SSD, needed by the nodes [from, to). */
export interface PagedLayer extends StoredLayer {
  readonly span: number;
  readonly layer: number;
  /** Numbers of the blocks: of the heads of k, then of v. */
  readonly blocks: readonly number[];
  from: number;
  to: number;
}

/** Keys and values that live on the SSD while a pass computes on them: a block for each head, in a ring, in order of use. */
export class KvPages implements Disposable {
  readonly layers: readonly PagedLayer[];
  readonly blocks: readonly Block[];
  readonly #tensors: TensorSet;
  /** The spans of the pass under way. */
  #spans: readonly Span[] = [];

  constructor(spans: readonly SpanShape[], ring: Memory) {
    const parts = partsOf(spans);
    const segments = layRing(
      parts.map(({ areas, headBytes }) => areas.length * headBytes),
      ring.bytes,
    );
    this.#tensors = new TensorSet(parts.length);
    const stored = parts.map(({ type, shape, headBytes }, i): StoredPart => {
      const tensor = { pointer: this.#tensors.add(type, shape), shape };
      ring.place(tensor.pointer, at(segments, i).offset);
      return { tensor, headBytes };
    });
    this.blocks = parts.flatMap((part, i) => {
      const { offset, after } = at(segments, i);
      return part.areas.map((area, head): Block => {
        const image = sharedBytes(ring).view(offset + head * part.headBytes, part.headBytes);
        return {
          file: area.place.file,
          position: area.place.position,
          into: image.subarray(0, part.read),
          // A part whose bytes are overwritten is free with its last head.
          after: (after - 1) * part.areas.length + head + 1,
          version: at(spans, part.span).version,
          prepare: () => {
            // Attention also multiplies the rows that its mask hides: they must not be NaN.
            image.fill(0, part.read);
            area.update(image);
          },
          store: () => area.spill(image, this.#changed(part), part.end),
        };
      });
    });
    let blocks = 0;
    this.layers = parts.flatMap(({ span, layer, areas }, i) => {
      if (i % 2 === 1) return [];
      const numbers = Array.from({ length: 2 * areas.length }, (_, head) => blocks + head);
      blocks += numbers.length;
      return [{ span, layer, k: at(stored, i), v: at(stored, i + 1), blocks: numbers, from: 0, to: 0 }];
    });
  }

  /** Begins a pass over `spans`. */
  begin(spans: readonly Span[]): void {
    this.#spans = spans;
  }

  /** Stored keys and values of a span's layer, which node `node` is the first to need. */
  enter(span: number, layer: number, node: number): StoredLayer {
    const paged = this.#paged(span, layer);
    if (!paged) throw new RangeError(`layer ${layer} is not paged`);
    paged.from = node;
    return paged;
  }

  /** Records that the nodes from `node` on do not need a span's layer any more, wherever it lives. */
  leave(span: number, layer: number, node: number): void {
    const paged = this.#paged(span, layer);
    if (paged) paged.to = node;
  }

  #paged(span: number, layer: number): PagedLayer | undefined {
    return this.layers.find((one) => one.span === span && one.layer === layer);
  }

  /** Bytes of each head that the pass changes, those that it appends last. */
  #changed({ span, kv, rows, rowBytes: row }: Part): readonly (readonly [from: number, to: number])[] {
    const { start, tokens } = at(this.#spans, span);
    const sinks = sinksOf(rows);
    const shifted = sinks > 0 ? kv.sinkShifts(start, tokens.length).map((shifts) => sinkRow(rows, shifts)) : [];
    const changed = [
      ...shifted.map((first) => [first, first + sinks] as const),
      ...writtenRows(rows, start, tokens.length),
    ];
    return changed.map(([from, to]) => [from * row, to * row] as const);
  }

  [Symbol.dispose](): void {
    this.#tensors[Symbol.dispose]();
  }
}

/** The keys, or the values, that a span attends to in a layer. */
type Part = ReturnType<typeof partsOf>[number];

/** Keys and values in order of use, layer by layer. */
function partsOf(spans: readonly SpanShape[]) {
  const layers = Math.max(0, ...spans.map(({ kv }) => kv.layers.length));
  return Array.from({ length: layers }, (_, layer) => layer).flatMap((layer) =>
    spans.flatMap(({ kv, attendedRows, reads }, span) => {
      const { rows, parts } = at(kv.layers, layer);
      if (parts.home !== 'ssd') return [];
      const { keyLength, valueLength, type: name } = kv.shape;
      const type = kvTypeOf(name);
      const attended = at(attendedRows, layer);
      const part = (areas: readonly SpilledArea[], length: number) => {
        const row = rowBytes(type, length);
        const inUnits = (count: number): number => alignUp(count * row, spillUnit);
        // Bytes that attention looks at, and the first of them, which are read; the others are new.
        const [headBytes, read] = [inUnits(attended), inUnits(at(reads, layer))];
        // A tensor whose heads are further apart than their rows has room for the bytes between them.
        const shape = [length, Math.floor(((areas.length - 1) * headBytes + attended * row) / row)];
        const end = row * (sinksOf(rows) + rows.ring);
        return { span, kv, layer, rows, areas, type: type.id, shape, rowBytes: row, headBytes, read, end };
      };
      return [part(parts.k, keyLength), part(parts.v, valueLength)];
    }),
  );
}
