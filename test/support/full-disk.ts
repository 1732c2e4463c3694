import { spawnSync } from 'node:child_process';
import { chmodSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TempFolder, tempFolder } from './temp-folder.ts';

const succeeds = (command: string, args: readonly string[]): boolean =>
  spawnSync(command, args, { stdio: 'ignore' }).status === 0;
const mount = (args: readonly string[]): boolean => succeeds('mount', args);
const isRoot = process.getuid?.() === 0;

/** A folder on a disk of its own, in memory, that holds so many bytes; undefined where none can be made. */
export const smallDisk = (bytes: number): TempFolder | undefined =>
  mounted((folder) => mount(['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder]));

/** Bytes of a small disk that ext2 needs for itself. */
const ownBytes = 32 * 2 ** 10;

/** A folder on a disk of its own, in a file, that holds about so many bytes; undefined where none can be made. */
export function smallSsd(bytes: number): TempFolder | undefined {
  using image = tempFolder();
  const file = image.file('disk');
  writeFileSync(file, '');
  truncateSync(file, bytes + ownBytes);
  return mounted(
    (folder) =>
      succeeds('mke2fs', ['-q', '-F', '-t', 'ext2', '-b', '1024', '-N', '16', '-m', '0', file]) &&
      mount(['-o', 'loop', file, folder]) &&
      succeeds('rmdir', [join(folder, 'lost+found')]),
  );
}

function mounted(mountAt: (folder: string) => boolean): TempFolder | undefined {
  if (!isRoot || process.platform !== 'linux') return undefined;
  const folder = tempFolder();
  const dispose = (): void => folder[Symbol.dispose]();
  if (!mountAt(folder.path)) {
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
