import { at } from '../src/base/at.ts';
import { alignUp, formatBytes } from '../src/base/bytes.ts';
import { median } from '../src/base/median.ts';
import { HostMemory } from '../src/ggml/host-memory.ts';
import { pageBytes } from '../src/ggml/system.ts';
import type { Weight } from '../src/gguf/weight.ts';
import type { ExpertPool } from '../src/pager/expert-pool.ts';
import { Reader } from '../src/pager/reader.ts';
import { expertLength } from '../src/plan/routed-banks.ts';
import { pageSpanOf } from '../src/plan/slices.ts';
import { Random } from './random.ts';

/** Milliseconds of reading alone, and the reads in flight that are tried first. */
const sampleTime = 150;
const depths = [1, 2, 4, 7];

/** Reads experts of all layers in random order while nothing computes, and leaves the slots as they are. */
export class ReadingAlone implements AsyncDisposable {
  readonly #weights: readonly Weight[];
  readonly #readers: readonly Reader[];
  readonly #random = new Random('reading');
  #best: Reader | undefined;

  constructor(pools: readonly ExpertPool[], files: readonly { path: string; size: number }[]) {
    this.#weights = pools.flatMap(({ homes }) => homes.map(({ matrix }) => matrix.weight));
    this.#readers = depths.map((inFlight) => new Reader(files, { inFlight }));
  }

  /** Bytes a second with the depth that was best at first. */
  async rate(): Promise<number> {
    if (!this.#best) {
      const rates: number[] = [];
      for (const reader of this.#readers) rates.push(median([await this.#sample(reader), await this.#sample(reader)]));
      this.#best = at(this.#readers, rates.indexOf(Math.max(...rates)));
      process.stderr.write(
        `reads in flight: ${depths.map((n, i) => `${n}: ${formatBytes(at(rates, i))}/s`).join(', ')}\n`,
      );
    }
    return this.#sample(this.#best);
  }

  async #sample(reader: Reader): Promise<number> {
    const { inFlight } = reader.reading;
    const most = Math.max(...this.#weights.map((weight) => expertLength(weight) + 2 * pageBytes));
    const room = alignUp(most, pageBytes);
    using memory = new HostMemory(inFlight * room, 'reads alone');
    memory.clear();
    const began = performance.now();
    let bytes = 0;
    const readOn = async (place: number): Promise<void> => {
      while (performance.now() - began < sampleTime) {
        const { file, position, length } = this.#someExpert();
        await reader.read(file, memory.view(place * room, length), position);
        bytes += length;
      }
    };
    await Promise.all(Array.from({ length: inFlight }, (_, place) => readOn(place)));
    return (1000 * bytes) / (performance.now() - began);
  }

  /** The pages of an expert of a matrix. */
  #someExpert(): { readonly file: number; readonly position: number; readonly length: number } {
    const words = this.#random.words(2);
    const weight = at(this.#weights, at(words, 0) % this.#weights.length);
    const length = expertLength(weight);
    const offset = weight.extent.offset + (at(words, 1) % at(weight.shape, 2)) * length;
    const { start, bytes } = pageSpanOf({ ...weight.extent, offset, length }, pageBytes);
    return { file: weight.extent.file, position: start, length: bytes };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const reader of this.#readers) await reader[Symbol.asyncDispose]();
  }
}
