import { readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The kernel's read-ahead of a mapped or buffered file, for the device that holds it. */
export interface ReadAhead extends Disposable {
  /** KiB. */
  set(kib: number): void;
  readonly initial: number;
}

/** The read-ahead of the device that holds `path`, put back when disposed; or why it cannot be changed. Linux only. */
export function readAheadOf(path: string): ReadAhead | string {
  const setting = 'queue/read_ahead_kb';
  try {
    const { dev } = statSync(path);
    // Linux's encoding of device numbers (makedev).
    const major = Math.floor(dev / 256) % 4096;
    const minor = (dev % 256) + Math.floor(dev / 2 ** 20) * 256;
    const device = realpathSync(`/sys/dev/block/${major}:${minor}`);
    const file = [device, dirname(device)].map((folder) => join(folder, setting)).find(isThere);
    if (!file) return `${device} has no ${setting}`;
    const initial = Number(readFileSync(file, 'utf8'));
    const set = (kib: number): void => writeFileSync(file, `${kib}`);
    set(initial);
    return { initial, set, [Symbol.dispose]: () => set(initial) };
  } catch (error) {
    return (error as Error).message;
  }
}

const isThere = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined;
