import { join } from 'node:path';
import { EngineError } from './errors.ts';
import { FileLock } from './file-lock.ts';
import { makeFolder } from './folder.ts';
import { removeUnfinished, replaceTextFile } from './replace-file.ts';

/** Milliseconds that a change waits for those of other processes, each of which takes some; and between two looks. */
const usualPatience = 1000;
const step = 5;

/**
 * Replaces a short text of processes that run at the same time by what `change` makes of it: none of them changes it
 * between what another reads and writes. Throws FILE_IN_USE where one holds it for `patience` milliseconds, UNWRITABLE, the
 * errors of `change` and of the system.
 */
export function changeSharedFile(
  folder: string,
  name: string,
  change: () => string,
  patience: number = usualPatience,
): void {
  makeFolder(folder);
  const path = join(folder, name);
  using _ = lockSoon(path, patience);
  removeUnfinished(folder, name);
  replaceTextFile(path, change());
}

function lockSoon(path: string, patience: number): FileLock {
  for (const until = performance.now() + patience; ; wait(step)) {
    try {
      return FileLock.acquire(path);
    } catch (error) {
      const isHeld = error instanceof EngineError && error.code === 'FILE_IN_USE';
      if (!isHeld || performance.now() > until) throw error;
    }
  }
}

const wait = (milliseconds: number): unknown =>
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
