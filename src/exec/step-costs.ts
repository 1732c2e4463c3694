import { at } from '../base/at.ts';
import { alignUp } from '../base/bytes.ts';
import type { Device } from '../ggml/device.ts';
import type { Pointer } from '../ggml/library.ts';
import { pageBytes } from '../ggml/system.ts';
import { Reader } from '../pager/reader.ts';
import { awake } from '../plan/awake-threads.ts';
import type { StepCosts } from '../plan/machine-speeds.ts';
import { besideReading } from '../plan/token-forecast.ts';
import { isPatient, repeatedSeconds, steppedSeconds } from './repeated.ts';

/** Files, and the bytes of a usual read of a pass. */
export interface UsualRead {
  readonly files: readonly { readonly path: string; readonly size: number }[];
  readonly bytes: number;
  /** Bytes of memory that reads may take, but for a page each. */
  readonly most: number;
}

/** Times that products are computed at once, and step by step; and reads that are made while nothing computes. */
const rounds = { whole: 5, steps: 12, reads: 24 };
/** Reads in flight: libuv has four threads at least. */
const inFlight = 3;
/** Bytes of the longest read: longer ones are divided. */
const longest = 8 * 2 ** 20;

/**
 * Measures what a step takes beside its products, of which there is a graph for each step and one of all, `whole`; and what a
 * read takes of the time of the steps that are computed meanwhile, which is more than its own where cores are few: threads
 * wait for the last of them. Rejects with READ_FAILED, FILE_CHANGED, MODEL_NOT_FOUND, UNREADABLE, OUT_OF_MEMORY.
 */
export async function stepCosts(
  device: Device,
  graphs: { readonly whole: Pointer; readonly steps: readonly Pointer[] },
  { threads, read }: { readonly threads: number; readonly read: UsualRead | undefined },
): Promise<StepCosts & { readonly whole: number }> {
  const { steps } = graphs;
  const whole = await repeatedSeconds(device, graphs.whole, { count: rounds.whole, threads });
  const way = { threads, awake: whole < awake.seconds * steps.length };
  const stepped = await steppedSeconds(device, steps, { count: rounds.steps, ...way });
  const step = Math.max(0, stepped - whole) / steps.length;
  const computed = Math.max(stepped, whole) / steps.length;
  const compute = async (i: number): Promise<void> => device.compute(at(steps, i % steps.length), threads, way.awake);
  return { whole, step, core: read ? await coreOf(device, read, { compute, computed }) : null };
}

/** Seconds of steps, each of which takes `computed` alone, that a read costs: one is under way in each. */
async function coreOf(
  device: Pick<Device, 'stagingFor'>,
  { files, bytes, most }: UsualRead,
  steps: { readonly compute: (step: number) => Promise<void>; readonly computed: number },
): Promise<number> {
  const length = alignUp(Math.min(longest, bytes, most / inFlight), pageBytes);
  const file = files.findIndex(({ size }) => size >= 4 * length);
  // Files of so few bytes are read at once.
  if (file < 0) return 0;
  const places = Math.floor(at(files, file).size / length);
  using memory = device.stagingFor(inFlight * length, 'reads of a measurement');
  await memory.clearAside();
  // Reads have ended before their memory is freed.
  await using reader = new Reader(files, { inFlight, chunkBytes: length });
  let reads = 0;
  const read = (): Promise<void> => {
    const into = memory.view((reads % inFlight) * length, length);
    reads += 1;
    const read = reader.read(file, into, (reads % places) * length);
    // The one before may fail first.
    read.catch(() => {});
    return read;
  };
  /** Seconds of each of some rounds in which a read ends and another begins. */
  const each = async (count: number, meanwhile: (round: number) => Promise<void>): Promise<number> => {
    let next = read();
    const began = performance.now();
    let round = 0;
    for (; round < count && isPatient(round, began); round += 1) {
      const last = next;
      next = read();
      await last;
      await meanwhile(round);
    }
    const seconds = (performance.now() - began) / 1000 / round;
    await next;
    return seconds;
  };
  const reading = await each(rounds.reads, async () => {});
  const together = await each(rounds.steps * rounds.reads, steps.compute);
  return (besideReading(together, reading, steps.computed) * bytes) / length;
}
