/** The thread that hears what ggml and libllama log: `hearLogAside` starts it. */
import { parentPort, workerData } from 'node:worker_threads';
import { isError, setLog, writeTrouble } from './log.ts';
import type { LogLine, LogThreadData } from './log-thread.ts';

/** Milliseconds that a library waits after an error, which may be the last one, until the other thread has heard it. */
const patience = 500;

const { lines, counts, troubleFile } = workerData as LogThreadData;
let sent = 0;
setLog((level, text) => {
  if (troubleFile !== undefined) writeTrouble(troubleFile, level, text);
  lines.postMessage([level, text] satisfies LogLine);
  sent += 1;
  if (!isError(level) || troubleFile !== undefined) return;
  for (let heard = Atomics.load(counts, 1); heard < sent; heard = Atomics.load(counts, 1)) {
    // The other thread may wait for the one that logs.
    if (Atomics.wait(counts, 1, heard, patience) === 'timed-out') return;
  }
});
// It goes on as long as the process.
parentPort?.on('message', () => {});
Atomics.store(counts, 0, 1);
Atomics.notify(counts, 0);
