import { at } from '../base/at.ts';
import { watchOtherWork } from '../base/core-times.ts';
import { allSettled } from '../base/promises.ts';
import { HostMemory } from '../ggml/host-memory.ts';
import type { ReadCosts } from '../plan/machine-speeds.ts';
import { Reader, type ReadSettings } from './reader.ts';
import { bestOf, bestRate, contenders, costsOf, isSteady, type ReadSample } from './trials.ts';

/** The best way to read a device, as measured. */
export interface Calibration extends ReadSettings {
  /** The best rate of the device, with these settings or others. */
  readonly bytesPerSecond: number;
  /** True if the files were read past the page cache. */
  readonly direct: boolean;
  /** Seconds that reads take beside their bytes. */
  readonly costs: ReadCosts;
  /** True if other work was in the way: it is to be measured again. */
  readonly disturbed: boolean;
  /** True if no setting was left out: then the result suits other runs on the device, too. */
  readonly complete: boolean;
}

export interface CalibrateOptions {
  /** The most reads in flight. */
  readonly inFlight: number;
  /** Bytes to read into, at most; the smallest setting takes 1 MiB even if that is more. */
  readonly memory: number;
  /** Milliseconds after which nothing more is tried, once something was; by default all settings are, at least twice. */
  readonly atMost?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called with the share of the time that has passed. */
  readonly onProgress?: ((share: number) => void) | undefined;
}

interface File {
  readonly path: string;
  readonly size: number;
}

const MiB = 2 ** 20;
const chunkSizes: readonly number[] = [1, 2, 4, 8].map((n) => n * MiB);
/** The reads that costs are told from, beside those of the best setting: as long as slices of small models. */
const shortBytes = MiB / 8;
/** More bytes in flight than a ring holds will never be asked for. */
const mostBytes = 128 * MiB;
/** Milliseconds of one sample at least, and of all of them on a fast device. */
const sampleTime = 20;
const wholeTime = 1500;
/** Samples are taken in rounds of every setting that has a chance, so that a hiccup of the device hits all alike. */
const rounds = { least: 2, most: 8 };

const bytesOf = ({ chunkBytes, inFlight }: ReadSettings): number => chunkBytes * inFlight;

/**
 * Finds the best way to read these files: samples chunk sizes and reads in flight with the reader that the weights are
 * streamed with, for one or two seconds (longer on devices below 0.5 GB/s, but for `atMost`). Settings with more bytes in flight than
 * `memory`, or than the files have, are left out: reading the same bytes twice at once tells nothing. The memory is
 * free again when it ends. Rejects with READ_FAILED, FILE_CHANGED, MODEL_NOT_FOUND, UNREADABLE, OUT_OF_MEMORY, or the
 * signal's reason.
 */
export async function calibrate(files: readonly File[], options: CalibrateOptions): Promise<Calibration> {
  const { signal, onProgress, atMost = Number.POSITIVE_INFINITY } = options;
  const all = settings(options.inFlight);
  const room = Math.min(options.memory, new Walk(files).bytes);
  const tried = all.filter((setting, i) => i === 0 || bytesOf(setting) <= room);
  // As much memory is used as weights stream through: bytes that fit the processor's caches would be read faster than
  // weights ever are.
  using memory = new HostMemory(Math.max(...tried.map(bytesOf), Math.min(room, mostBytes)), 'reads to calibrate by');
  // The first touch of a page takes time that is not the device's.
  memory.clear();

  const walk = new Walk(files);
  // Most devices are fastest with the most bytes in flight.
  const trials = tried.toReversed().map((setting) => ({ ...setting, rates: [] as number[] }));
  const time = Math.min(wholeTime, atMost);
  const wasDisturbed = watchOtherWork();
  const began = performance.now();
  const elapsed = (): number => performance.now() - began;
  let direct = true;
  for (let round = 0; round < rounds.least || (round < rounds.most && elapsed() < time); round += 1) {
    for (const trial of contenders(trials)) {
      if (elapsed() > atMost) break;
      signal?.throwIfAborted();
      await using reader = new Reader(files, trial);
      trial.rates.push((await sample(reader, trial, walk, memory)).rate);
      direct = reader.direct;
      onProgress?.(Math.min(1, elapsed() / time));
    }
  }
  const measured = trials.filter(({ rates }) => rates.length > 0);
  const { chunkBytes, inFlight, rates } = bestOf(measured);
  const bytesPerSecond = bestRate(measured);
  const sampleOf = async (chunkBytes: number): Promise<ReadSample> => {
    await using reader = new Reader(files, { inFlight, chunkBytes });
    return await sample(reader, { inFlight, chunkBytes }, walk, memory);
  };
  const costs = costsOf(await sampleOf(shortBytes), await sampleOf(chunkBytes));
  const disturbed = wasDisturbed(1) || !isSteady(rates);
  return { bytesPerSecond, chunkBytes, inFlight, direct, costs, disturbed, complete: tried.length === all.length };
}

/** All settings with up to `most` reads in flight, the smallest first. */
function settings(most: number): readonly ReadSettings[] {
  const counts = [...new Set([1, 2, 4, most])].filter((n) => n <= most);
  return counts
    .flatMap((inFlight) => chunkSizes.map((chunkBytes) => ({ inFlight, chunkBytes })))
    .filter((setting, i) => i === 0 || bytesOf(setting) <= mostBytes);
}

/** Goes through files chunk by chunk, and at their end begins again. */
class Walk {
  readonly #files: readonly File[];
  #file = 0;
  #position = 0;

  constructor(files: readonly File[]) {
    this.#files = files;
  }

  /** Bytes of all files. */
  get bytes(): number {
    return this.#files.reduce((sum, { size }) => sum + size, 0);
  }

  /** The next whole chunk, or all of a file that has none. */
  next(chunkBytes: number): { file: number; position: number; bytes: number } {
    const sizeOf = (file: number): number => at(this.#files, file).size;
    if (this.#position > 0 && this.#position + chunkBytes > sizeOf(this.#file)) {
      this.#file = (this.#file + 1) % this.#files.length;
      this.#position = 0;
    }
    const [file, position] = [this.#file, this.#position];
    this.#position += chunkBytes;
    return { file, position, bytes: Math.min(chunkBytes, sizeOf(file) - position) };
  }
}

/**
 * Bytes per second with a setting, and what a read takes of a core. The clock begins at the end of the first read and stops
 * after whole waves of reads: equally many are in flight at both moments, so neither the start nor the last ones count.
 */
async function sample(
  reader: Reader,
  { chunkBytes, inFlight }: ReadSettings,
  walk: Walk,
  memory: HostMemory,
): Promise<ReadSample> {
  const used = process.cpuUsage();
  let [begun, ended, began, bytes] = [0, 0, 0, 0];
  let rate = 0;
  const places = Math.floor(memory.bytes / chunkBytes);
  const readOn = async (): Promise<void> => {
    while (rate === 0) {
      const chunk = walk.next(chunkBytes);
      const into = memory.view((begun % places) * chunkBytes, chunkBytes);
      begun += 1;
      await reader.read(chunk.file, into, chunk.position);
      const now = performance.now();
      if (ended === 0) began = now;
      else bytes += chunk.bytes;
      const wholeWaves = ended > 0 && ended % inFlight === 0;
      if (wholeWaves && now - began >= sampleTime) rate ||= (bytes / (now - began)) * 1000;
      ended += 1;
    }
  };
  await allSettled(Array.from({ length: inFlight }, readOn));
  const { user, system } = process.cpuUsage(used);
  return { bytes: chunkBytes, rate, core: (user + system) / 1e6 / ended };
}
