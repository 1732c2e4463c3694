import { at } from '../base/at.ts';
import { alignUp } from '../base/bytes.ts';
import { allSettled } from '../base/promises.ts';
import { writeTensor } from '../ggml/data.ts';
import type { Tensor } from '../ggml/graph.ts';
import { HostMemory } from '../ggml/host-memory.ts';
import { pageBytes } from '../ggml/system.ts';
import type { Weight } from '../gguf/weight.ts';
import { pageSpanOf } from '../plan/slices.ts';
import { type Home, permanentLease } from './block.ts';
import type { Reader } from './reader.ts';
import { RowCache } from './row-cache.ts';

/** Rows that are read at once. */
const group = 32;
/** Bytes of rows that were used last. A read takes 0.2 to 0.5 ms, which is 4 % of a token of a small model in memory. */
const cacheBytes = 2 ** 19;

const rowLength = ({ extent, shape }: Weight): number => extent.length / at(shape, 1);

/** The pages that any one row may lie on. */
const rowSpanBytes = (weight: Weight): number => alignUp(rowLength(weight), pageBytes) + pageBytes;

/** Bytes that `Rows` of `weight` take. */
export const rowsBytes = (weight: Weight): number => group * rowSpanBytes(weight) + cacheBytes;

/** Single rows of a matrix, read when they are asked for: an embedding is never needed as a whole. */
export class Rows implements Disposable {
  readonly #reader: Pick<Reader, 'read'>;
  readonly #weight: Weight;
  readonly #memory: HostMemory;
  readonly #cache: RowCache;

  /** Throws OUT_OF_MEMORY. */
  constructor(reader: Pick<Reader, 'read'>, weight: Weight) {
    this.#reader = reader;
    this.#weight = weight;
    this.#memory = new HostMemory(rowsBytes(weight), 'embedding rows');
    this.#cache = new RowCache(this.#memory.view(group * rowSpanBytes(weight), cacheBytes), rowLength(weight));
  }

  /** The home of rows in `tensor` (row, n): a lease puts the rows of its blocks there, one after the other. */
  into(tensor: Tensor): Home {
    return {
      lease: async (rows) => {
        await this.read(rows, (index, bytes) => writeTensor(tensor.pointer, bytes, index * bytes.length));
        return permanentLease;
      },
    };
  }

  /**
   * Calls `use` for each of `rows` with its place in the list and its bytes, valid during the call. A row is read once,
   * however often it is listed, and not at all if it was used lately. Rejects with READ_FAILED, FILE_CHANGED.
   */
  async read(rows: readonly number[], use: (index: number, bytes: Uint8Array) => void): Promise<void> {
    const places = new Map<number, number[]>();
    for (const [i, row] of rows.entries()) places.set(row, [...(places.get(row) ?? []), i]);
    const missing: [number, number[]][] = [];
    for (const [row, indices] of places) {
      const bytes = this.#cache.get(row);
      if (!bytes) missing.push([row, indices]);
      else for (const index of indices) use(index, bytes);
    }
    for (let from = 0; from < missing.length; from += group) {
      await allSettled(
        missing.slice(from, from + group).map(async ([row, indices], i) => {
          const bytes = await this.#row(row, i * rowSpanBytes(this.#weight));
          this.#cache.add(row, bytes);
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
