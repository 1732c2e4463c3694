import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

export interface WatchdogLimits {
  /** Milliseconds between two checks. */
  readonly interval: number;
  /** Checks without a tick of the event loop in between after which the process is ended. */
  readonly most: number;
  /** The same number where the parent process is gone, and nobody waits any more. */
  readonly mostOrphaned: number;
}

/** The program as text: a file would have to be found beside every bundle. It imports nothing, so as to be small. */
const program = `
const { workerData } = require('node:worker_threads');
const { ticks, interval, most, mostOrphaned } = workerData;
const parent = process.ppid;
let last = 0;
let silent = 0;
setInterval(() => {
  // This comes first: a tick that takes it back is then seen, too.
  const announced = Atomics.load(ticks, 1);
  const now = Atomics.load(ticks, 0);
  silent = now === last ? silent + 1 : 0;
  last = now;
  const longest = process.ppid === parent ? most + announced : mostOrphaned;
  if (silent >= longest) process.kill(process.pid, 'SIGKILL');
}, interval);
`;

/** A thread that ends this process when its event loop hangs. */
export interface Watchdog {
  /** Bears with as many checks more until the next tick of the event loop. */
  announce(checks: number): void;
}

/**
 * Ends this process when its event loop hangs, from a thread of its own, which takes 9 MiB. Resolves when that runs.
 * The thread counts its own checks: a process that was stopped, or starved, is not taken to hang.
 */
export async function watchEventLoop({ interval, ...limits }: WatchdogLimits): Promise<Watchdog> {
  const ticks = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
  const worker = new Worker(program, {
    eval: true,
    execArgv: [],
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1, stackSizeMb: 1 },
    workerData: { ticks, interval, ...limits },
  });
  // The parent process watches alone if the thread fails.
  worker.on('error', () => {});
  setInterval(() => {
    Atomics.add(ticks, 0, 1);
    Atomics.store(ticks, 1, 0);
  }, interval).unref();
  await once(worker, 'online');
  worker.unref();
  return { announce: (checks) => void Atomics.store(ticks, 1, checks) };
}
