import { alignUp } from '../base/bytes.ts';
import { allSettled } from '../base/settled.ts';
import { HostMemory } from '../ggml/host-memory.ts';
import { pageBytes } from '../ggml/system.ts';
import { dimension, type Weight } from '../gguf/weight.ts';
import { pageSpanOf } from '../plan/slices.ts';
import type { Reader } from './reader.ts';

/** Rows that are read at once. */
const group = 32;

const rowLength = (weight: Weight): number => weight.extent.length / dimension(weight.shape, 1);

/** Bytes of the pages that any one row may lie on. */
const rowSpanBytes = (weight: Weight): number => alignUp(rowLength(weight), pageBytes) + pageBytes;

/** Bytes that a RowReader for `weight` takes. */
export const rowReaderBytes = (weight: Weight): number => group * rowSpanBytes(weight);

/** Reads single rows of a matrix: an embedding is never needed as a whole. */
export class RowReader implements Disposable {
  readonly #reader: Reader;
  readonly #weight: Weight;
  readonly #memory: HostMemory;

  /** A reader for the rows of `weight`. Throws OUT_OF_MEMORY. */
  constructor(reader: Reader, weight: Weight) {
    this.#reader = reader;
    this.#weight = weight;
    this.#memory = new HostMemory(rowReaderBytes(weight), 'embedding rows');
  }

  /**
   * Calls `use` for each of `rows` with its place in the list and its bytes, valid during the call. A row is read once,
   * however often it is listed. Rejects with READ_FAILED, FILE_CHANGED.
   */
  async read(rows: readonly number[], use: (index: number, bytes: Uint8Array) => void): Promise<void> {
    const places = new Map<number, number[]>();
    for (const [i, row] of rows.entries()) places.set(row, [...(places.get(row) ?? []), i]);
    const distinct = [...places];
    for (let from = 0; from < distinct.length; from += group) {
      const wave = distinct.slice(from, from + group);
      await allSettled(
        wave.map(async ([row, indices], i) => {
          const bytes = await this.#row(row, i * rowSpanBytes(this.#weight));
          for (const index of indices) use(index, bytes);
        }),
      );
    }
  }

  async #row(row: number, offset: number): Promise<Uint8Array> {
    const { extent } = this.#weight;
    const length = rowLength(this.#weight);
    const span = pageSpanOf({ file: extent.file, offset: extent.offset + row * length, length }, pageBytes);
    const pages = this.#memory.view(offset, span.bytes);
    await this.#reader.read(extent.file, pages, span.start, true);
    return pages.subarray(span.skew, span.skew + length);
  }

  [Symbol.dispose](): void {
    this.#memory[Symbol.dispose]();
  }
}
