import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { crc32 } from 'node:zlib';
import { attempt } from './attempt.ts';

/** A process, as the files that belong to it name it: its number, and a checksum of the machine's name. */
export interface Owner {
  readonly pid: number;
  readonly host: string;
}

const thisHost = (): string => crc32(hostname()).toString(16).padStart(8, '0');

export const thisProcess = (): Owner => ({ pid: process.pid, host: thisHost() });

/** True if the process has certainly ended. Nothing is known of processes on other machines. */
export function hasEnded({ pid, host }: Owner): boolean {
  if (host !== thisHost()) return false;
  try {
    process.kill(pid, 0);
    return isZombie(pid);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

/** True if the process has ended and its parent has not asked how: in a container nobody may ever do so. */
function isZombie(pid: number): boolean {
  const stat = process.platform === 'linux' ? attempt(() => readFileSync(`/proc/${pid}/stat`, 'latin1')) : undefined;
  // The name before the state may have brackets in it.
  return stat?.slice(stat.lastIndexOf(')')).startsWith(') Z') ?? false;
}
