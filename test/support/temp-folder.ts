import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryFileSystem } from '../../src/base/memory-folder.ts';
import { shared } from './shared.ts';

/** A folder that is removed, with what it holds, when it goes out of scope. */
export interface TempFolder extends Disposable {
  readonly path: string;
  /** The path of `name` in it. */
  file(name: string): string;
}

/** The system's folder for such, or another where that would take memory. */
const usual = memoryFileSystem(tmpdir()) === undefined ? tmpdir() : '/var/tmp';

/** In the usual folder for such, or another. */
export function tempFolder(parent: string = usual): TempFolder {
  const path = mkdtempSync(join(parent, 'ssd-llm-'));
  return {
    path,
    file: (name) => join(path, name),
    [Symbol.dispose]: () => {
      // A test may have forbidden writing to it.
      if (existsSync(path)) chmodSync(path, 0o700);
      rmSync(path, { recursive: true, force: true });
    },
  };
}

/** A folder for all tests of a file. */
export const sharedFolder = (): TempFolder => shared(tempFolder());

/** The path of `name` in a folder of its own, for all tests of a file. */
export const sharedPath = (name: string): string => sharedFolder().file(name);
