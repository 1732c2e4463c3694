import { readFileSync, statfsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { attempt } from './attempt.ts';
import { EngineError } from './errors.ts';
import { upperFolder } from './overlay.ts';

/** Linux's numbers for file systems that keep files in memory, and for one that shows several as one. */
const inMemory: ReadonlyMap<number, string> = new Map([
  [0x01021994, 'tmpfs'],
  [0x858458f6, 'ramfs'],
]);
const overlay = 0x794c7630;

/**
 * The file system of a folder, or of the place where it would be made, if its files take memory: "tmpfs". Undefined if
 * they do not, or if that cannot be told.
 */
export function memoryFileSystem(path: string): string | undefined {
  if (process.platform !== 'linux') return undefined;
  const folder = existing(resolve(path));
  const type = attempt(() => statfsSync(folder).type);
  if (type === undefined) return undefined;
  if (type !== overlay) return inMemory.get(type);
  // Writes to an overlay go to its upper folder, where that can be seen from here.
  const upper = attempt(() => upperFolder(readFileSync('/proc/self/mountinfo', 'utf8'), statSync(folder).dev));
  const upperType = upper === undefined ? undefined : attempt(() => statfsSync(upper).type);
  return upperType === undefined ? undefined : inMemory.get(upperType);
}

/** Throws IN_MEMORY if the files of a folder take memory beside the budget. */
export function checkOnDisk(folder: string): void {
  const fileSystem = memoryFileSystem(folder);
  if (fileSystem !== undefined) throw new EngineError('IN_MEMORY', { folder, fileSystem });
}

/** The folder itself, or the nearest existing one above it. */
function existing(path: string): string {
  let folder = path;
  while (attempt(() => statSync(folder)) === undefined && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}
