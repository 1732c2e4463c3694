/** A process that is watched, for the test of that: it ticks for a while, or hangs; as "parent" it starts one that hangs. */
import { fork } from 'node:child_process';
import { setInterval } from 'node:timers/promises';
import { watchEventLoop } from '../../src/worker/watchdog.ts';

const [role, interval, most, mostOrphaned] = process.argv.slice(2);
const watch = { interval: Number(interval), most: Number(most), mostOrphaned: Number(mostOrphaned) };

if (role === 'parent') {
  const child = fork(import.meta.filename, ['hangs', ...process.argv.slice(3)]);
  child.once('message', () => process.send?.(child.pid));
} else {
  await watchEventLoop(watch);
  process.send?.(process.pid);
  if (role === 'hangs') for (;;);
  let ticks = 0;
  for await (const _ of setInterval(watch.interval)) if (++ticks > 2 * watch.most) process.exit(0);
}
