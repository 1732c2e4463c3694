import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

// All of this is Linux's.

const statusOf = (pid: number, field: string): string | undefined => {
  try {
    return new RegExp(`^${field}:\\s*(.*)$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  } catch {
    return undefined;
  }
};

/** False once it has ended, even if nobody has asked how. */
export const isAlive = (pid: number): boolean => !(statusOf(pid, 'State') ?? 'Z').startsWith('Z');

/** Those that `pid` started and that are alive. */
export const childrenOf = (pid: number): readonly number[] =>
  readdirSync('/proc')
    .map(Number)
    .filter((child) => child > 0 && statusOf(child, 'PPid') === `${pid}` && isAlive(child));

/** The most memory that it has had, in bytes. */
export const peakMemory = (pid: number): number => Number.parseInt(statusOf(pid, 'VmHWM') ?? '', 10) * 1024;

/** Files, sockets and pipes that it has open. */
export const descriptorsOf = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

/** Bytes that this process has read so far, from files and all else. */
export const bytesRead = (): number => Number(/^rchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]);

/** Whether it waits for something to come on one of its descriptors. */
export function waitsFor(pid: number, descriptor: number): boolean {
  const folder = `/proc/${pid}/fdinfo`;
  const watched = new RegExp(`^tfd: +${descriptor} `, 'm');
  try {
    return readdirSync(folder).some((one) => watched.test(readFileSync(`${folder}/${one}`, 'utf8')));
  } catch {
    return false;
  }
}

/** Waits until something holds. Rejects if it does not within so many milliseconds, which is for what hangs. */
export async function until(holds: () => boolean | Promise<boolean>, patience = 120_000): Promise<void> {
  const end = performance.now() + patience;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`after ${patience} ms it does not hold: ${holds}`);
    await sleep(20);
  }
}
