import { spawnSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { type TempFolder, tempFolder } from './temp-folder.ts';

const mount = (args: readonly string[]): boolean => spawnSync('mount', args, { stdio: 'ignore' }).status === 0;
const isRoot = process.getuid?.() === 0;

/** A folder on a disk of its own that holds so many bytes; undefined where none can be made. */
export function smallDisk(bytes: number): TempFolder | undefined {
  if (!isRoot || process.platform !== 'linux') return undefined;
  const folder = tempFolder();
  const dispose = (): void => folder[Symbol.dispose]();
  if (!mount(['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder.path])) {
    dispose();
    return undefined;
  }
  return {
    ...folder,
    [Symbol.dispose]: () => {
      spawnSync('umount', [folder.path]);
      dispose();
    },
  };
}

/** From now on nothing can be written to `folder`, made by `smallDisk` if we are root. False if that cannot be done. */
export function forbidWriting(folder: TempFolder): boolean {
  if (isRoot) return mount(['-o', 'remount,ro', folder.path]);
  if (process.platform === 'win32') return false;
  chmodSync(folder.path, 0o555);
  return true;
}
