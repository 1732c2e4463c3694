import { setTimeout } from 'node:timers/promises';
import { at } from '../base/at.ts';
import type { Device } from '../ggml/device.ts';
import type { Pointer } from '../ggml/library.ts';

/** Times that a graph is computed, and milliseconds between two of them. */
export interface Repetitions {
  readonly count: number;
  readonly pause?: number;
  /** True if threads stay awake between them. */
  readonly awake?: boolean;
  /** Called before each time. */
  readonly prepare?: () => void;
}

/** Milliseconds after which a graph is computed no more often, once it was twice: on a busy machine any takes long. */
const patience = 250;
/** Times that it is computed at least. */
const least = 2;

/** True while it is worth to repeat what was done `times` times since `began`, by `performance.now()`. */
export const isPatient = (times: number, began: number): boolean =>
  times < least || performance.now() - began < patience;

/** The one of some times that a quarter is no longer than: other work makes any of them longer. */
export const lowerQuarter = (seconds: readonly number[]): number =>
  at(
    seconds.toSorted((a, b) => a - b),
    Math.floor(seconds.length / 4),
  );

/** Seconds of computing a graph by all threads. */
export async function repeatedSeconds(
  device: Pick<Device, 'compute' | 'threads'>,
  graph: Pointer,
  { count, pause = 0, awake = false, prepare }: Repetitions,
): Promise<number> {
  // The first time takes longer.
  prepare?.();
  await device.compute(graph, device.threads, awake);
  const seconds: number[] = [];
  const start = performance.now();
  while (seconds.length < count && isPatient(seconds.length, start)) {
    if (pause > 0) await setTimeout(pause);
    prepare?.();
    const began = performance.now();
    await device.compute(graph, device.threads, awake);
    seconds.push((performance.now() - began) / 1000);
  }
  return lowerQuarter(seconds);
}
