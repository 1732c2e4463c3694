import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { attempt } from './attempt.ts';
import { busySeconds, type CoreTimes, wasDisturbed } from './other-work.ts';

/** The times now. */
export function coreTimes(): CoreTimes {
  const { user, system } = process.cpuUsage();
  const cores = cpus();
  const counted = process.platform === 'linux' ? attempt(() => readFileSync('/proc/stat', 'utf8')) : undefined;
  const seconds = counted === undefined ? undefined : busySeconds(counted);
  const milliseconds = cores.reduce((sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq, 0);
  return {
    at: performance.now() / 1000,
    cores: cores.length,
    all: seconds ?? milliseconds / 1000,
    own: (user + system) / 1e6,
  };
}

/** Watches the machine from now on: the function tells whether other work was in the way of so many threads since. */
export function watchOtherWork(): (threads: number) => boolean {
  const before = coreTimes();
  return (threads) => wasDisturbed(before, coreTimes(), threads);
}
