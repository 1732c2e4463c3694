import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder that is removed, with what it holds, when it goes out of scope. */
export interface TempFolder extends Disposable {
  readonly path: string;
  /** The path of `name` in it. */
  file(name: string): string;
}

/** In the system's folder for such, or another. */
export function tempFolder(parent: string = tmpdir()): TempFolder {
  const path = mkdtempSync(join(parent, 'ssd-llm-'));
  return {
    path,
    file: (name) => join(path, name),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}
