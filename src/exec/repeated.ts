import { at } from '../base/at.ts';
import { median } from '../base/median.ts';
import type { Device } from '../ggml/device.ts';
import type { Pointer } from '../ggml/library.ts';

/** Times that a graph is computed, and by whom. */
export interface Repetitions {
  readonly count: number;
  /** Threads; default: all. */
  readonly threads?: number;
  /** Called before each time. */
  readonly prepare?: () => void;
}

/** Milliseconds after which a graph is computed no more often, once it was twice: on a busy machine any takes long. */
const patience = 250;
/** Times that it is computed at least. */
const least = 2;
/** Steps that are as good as a graph. */
const fewest = 4;

/** True while it is worth to repeat what was done `times` times since `began`, by `performance.now()`. */
export const isPatient = (times: number, began: number): boolean =>
  times < least || performance.now() - began < patience;

/** The one of some times that a quarter is no longer than: other work makes any of them longer. */
export const lowerQuarter = (seconds: readonly number[]): number =>
  at(
    seconds.toSorted((a, b) => a - b),
    Math.floor(seconds.length / 4),
  );

/** Seconds of computing a graph. */
export async function repeatedSeconds(
  device: Pick<Device, 'compute' | 'threads'>,
  graph: Pointer,
  { count, threads = device.threads, prepare }: Repetitions,
): Promise<number> {
  // The first time takes longer.
  prepare?.();
  await device.compute(graph, threads);
  const seconds: number[] = [];
  const start = performance.now();
  while (seconds.length < count && isPatient(seconds.length, start)) {
    prepare?.();
    const began = performance.now();
    await device.compute(graph, threads);
    seconds.push((performance.now() - began) / 1000);
  }
  return lowerQuarter(seconds);
}

/**
 * Seconds of computing graphs one after another, as the steps of a pass are: the median of some rounds, since threads that
 * wait for each other on busy cores do so now and then, and for long.
 */
export async function steppedSeconds(
  device: Pick<Device, 'compute'>,
  graphs: readonly Pointer[],
  { count, threads, awake }: { readonly count: number; readonly threads: number; readonly awake: boolean },
): Promise<number> {
  await device.compute(at(graphs, 0), threads, awake);
  const start = performance.now();
  const rounds: number[] = [];
  let steps = 0;
  while (rounds.length < count && isPatient(steps / fewest, start)) {
    const began = performance.now();
    let computed = 0;
    // On a busy machine a few steps take long enough.
    for (; computed < graphs.length && isPatient(steps / fewest, start); computed += 1, steps += 1) {
      await device.compute(at(graphs, computed), threads, awake);
    }
    const whole = computed === graphs.length || rounds.length === 0;
    if (whole) rounds.push((graphs.length * (performance.now() - began)) / 1000 / computed);
  }
  return median(rounds);
}
