/** The process of one model's engine: `EngineProcess` starts it and gives it orders. */

import { hearSilence } from '../base/silence.ts';
import { watchEventLoop } from '../base/watchdog.ts';
import { EngineWorker } from './engine-worker.ts';
import type { EngineOrder, EngineReport } from './protocol.ts';
import { longestSilence } from './silence-counter.ts';

/** Milliseconds that closing may take when nobody is left to wait for it. */
const patience = 5000;

// The watchdog comes first, so that its memory is part of the process's own, which the plan counts. The server watches, too,
// and is faster: it can tell its clients why.
const watched = watchEventLoop({ interval: 1000, most: longestSilence + 5, mostOrphaned: 5 });
const report = (report: EngineReport): void => {
  // The server may be gone, or go meanwhile: without the callback that would be an error that nobody handles.
  if (process.connected) process.send?.(report, undefined, undefined, () => {});
};
const worker = new EngineWorker(report, () => {
  process.exitCode = 1;
  // Reports that are under way arrive before that.
  if (process.connected) process.disconnect();
});

const ready = watched.then((watchdog) =>
  hearSilence((seconds) => {
    watchdog.announce(seconds);
    worker.announceSilence(seconds);
  }),
);

process.on('message', async (order: EngineOrder) => {
  await ready;
  worker.dispatch(order);
});
const leave = (): void => {
  void worker.end();
  setTimeout(() => process.exit(1), patience);
};
process.on('disconnect', leave);
// The server may have gone while this was loaded.
if (!process.connected) leave();
// A terminal sends these to the server and its engines alike; the server says when it is time.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
