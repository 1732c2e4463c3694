import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { crc32 } from 'node:zlib';
import { attempt } from './attempt.ts';

const linux = process.platform === 'linux';
let pidSpace: string | undefined;

/**
 * A space of process numbers: a checksum of the machine's name, on Linux also of its boot and its PID namespace.
 * Containers may share a name and a folder, but none of them sees the processes of another.
 */
function thisPidSpace(): string {
  if (pidSpace !== undefined) return pidSpace;
  const boot = linux && attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim());
  const namespace = linux && attempt(() => readlinkSync('/proc/self/ns/pid'));
  pidSpace = crc32([hostname(), boot, namespace].join(' ')).toString(16).padStart(8, '0');
  return pidSpace;
}

/** Form of a process's name in the files that belong to it: 1234-89abcdef. */
export const ownerPattern: RegExp = /\d+-[0-9a-f]{8}/;

/** Name of this process, or of another one that this one can see. */
export const ownerOf = (pid: number = process.pid): string => `${pid}-${thisPidSpace()}`;

/** True if the process has certainly ended. Nothing is known of processes in other containers and on other machines. */
export function hasEnded(owner: string): boolean {
  const pid = Number.parseInt(owner, 10);
  if (owner !== ownerOf(pid)) return false;
  try {
    process.kill(pid, 0);
    return isZombie(pid);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

/** True if the process has ended and its parent has not asked how: in a container nobody may ever do so. */
function isZombie(pid: number): boolean {
  // A /proc from outside of a container has other numbers.
  if (!linux || attempt(() => readlinkSync('/proc/self')) !== `${process.pid}`) return false;
  const stat = attempt(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  // The name before the state may have brackets in it.
  return stat?.slice(stat.lastIndexOf(')')).startsWith(') Z') ?? false;
}
