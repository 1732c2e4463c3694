import { hostname } from 'node:os';
import { crc32 } from 'node:zlib';

/** A process, as the files that belong to it name it: its number, and a checksum of the machine's name. */
export interface Owner {
  readonly pid: number;
  readonly host: string;
}

const thisHost = (): string => crc32(hostname()).toString(16).padStart(8, '0');

export const thisProcess = (): Owner => ({ pid: process.pid, host: thisHost() });

/** True if the process has certainly ended. Of another machine's nothing is known. */
export function hasEnded({ pid, host }: Owner): boolean {
  if (host !== thisHost()) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
