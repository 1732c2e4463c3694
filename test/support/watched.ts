/**
 * A process that is watched, for the test of that: it ticks for a while, or hangs, with or without saying so before; as
 * "parent" it starts one that hangs.
 */
import { fork } from 'node:child_process';
import { setInterval } from 'node:timers/promises';
import { watchEventLoop } from '../../src/base/watchdog.ts';

const [role, interval, most, mostOrphaned] = process.argv.slice(2);
const watch = { interval: Number(interval), most: Number(most), mostOrphaned: Number(mostOrphaned) };

if (role === 'parent') {
  const child = fork(import.meta.filename, ['hangs', ...process.argv.slice(3)]);
  child.once('message', () => process.send?.(child.pid));
} else {
  const watchdog = await watchEventLoop(watch);
  if (role === 'announces') {
    watchdog.announce(1e9);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3 * watch.most * watch.interval);
    process.exit(0);
  }
  process.send?.(process.pid);
  if (role === 'hangs') for (;;);
  let ticks = 0;
  for await (const _ of setInterval(watch.interval)) if (++ticks > 2 * watch.most) process.exit(0);
}
