import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { longestSilence } from './silence-counter.ts';

export interface WatchdogLimits {
  /** Milliseconds between two checks. */
  readonly interval: number;
  /** Checks without a tick of the event loop in between after which the process is ended. */
  readonly most: number;
  /** The same number where the parent process is gone, and nobody waits any more. */
  readonly mostOrphaned: number;
}

// The server, which also watches engines, comes first: it can tell its clients why.
const usual: WatchdogLimits = { interval: 1000, most: longestSilence + 5, mostOrphaned: 5 };

/** The program as text: a file would have to be found beside every bundle. It imports nothing, so as to be small. */
const program = `
const { workerData } = require('node:worker_threads');
const { ticks, interval, most, mostOrphaned } = workerData;
const parent = process.ppid;
let last = 0;
let silent = 0;
setInterval(() => {
  const now = Atomics.load(ticks, 0);
  silent = now === last ? silent + 1 : 0;
  last = now;
  if (silent >= (process.ppid === parent ? most : mostOrphaned)) process.kill(process.pid, 'SIGKILL');
}, interval);
`;

/**
 * Ends this process when its event loop hangs, from a thread of its own, which takes 9 MiB. Resolves when that runs.
 * The thread counts its own checks: a process that was stopped, or starved, is not taken to hang.
 */
export async function watchEventLoop({ interval, ...limits }: WatchdogLimits = usual): Promise<void> {
  const ticks = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const worker = new Worker(program, {
    eval: true,
    execArgv: [],
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1, stackSizeMb: 1 },
    workerData: { ticks, interval, ...limits },
  });
  // The server watches alone if the thread fails.
  worker.on('error', () => {});
  setInterval(() => Atomics.add(ticks, 0, 1), interval).unref();
  await once(worker, 'online');
  worker.unref();
}
