import { randomUUID } from 'node:crypto';
import { readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { attempt } from './attempt.ts';
import { hasEnded, ownerOf, ownerPattern } from './owner.ts';
import { realPath } from './regular-file.ts';

/** Files hold what users said to a model: only their owner may read them. */
const mode = 0o600;
/** Milliseconds without a write after which an unfinished file is taken for abandoned, whatever its process. */
const abandoned = 3_600_000;
const unfinishedName = new RegExp(`\\.(${ownerPattern.source})-[0-9a-f-]{36}\\.tmp$`);

/**
 * Writes a file in the place of an older one: readers, also those after a crash, see the old one or the new one, whole.
 * (There are libraries for texts; keys and values are written piece by piece.) Rejects with the errors of `write` and
 * of the system; then nothing has changed.
 */
export async function replaceFile<T>(path: string, write: (file: FileHandle) => Promise<T>): Promise<T> {
  const replacement = new Replacement(path);
  try {
    const result = await writeNew(replacement.unfinished, write);
    replacement.finish();
    await settle(replacement.folder);
    return result;
  } catch (error) {
    replacement.cancel();
    throw error;
  }
}

async function writeNew<T>(path: string, write: (file: FileHandle) => Promise<T>): Promise<T> {
  await using file = await open(path, 'wx', mode);
  const result = await write(file);
  await file.sync();
  return result;
}

/** Replaces a file by a short text, at once: see `replaceFile`. */
export function replaceTextFile(path: string, text: string): void {
  const replacement = new Replacement(path);
  try {
    writeFileSync(replacement.unfinished, text, { flag: 'wx', mode, flush: true });
    replacement.finish();
  } catch (error) {
    replacement.cancel();
    throw error;
  }
}

/** A new file beside the one that it will replace, in the folder that a link leads to. */
class Replacement {
  readonly unfinished: string;
  readonly #target: string;

  constructor(path: string) {
    this.#target = realPath(path);
    this.unfinished = unfinishedPath(this.#target);
  }

  get folder(): string {
    return dirname(this.#target);
  }

  finish(): void {
    renameSync(this.unfinished, this.#target);
  }

  cancel(): void {
    attempt(() => rmSync(this.unfinished, { force: true }));
  }
}

/** Path of a file while this process makes it. */
export const unfinishedPath = (path: string): string => `${path}.${ownerOf()}-${randomUUID()}.tmp`;

/**
 * Removes the unfinished files that killed processes left in `folder`: those for the file `name`, or for any. Returns
 * their paths.
 */
export function removeUnfinished(folder: string, name?: string): readonly string[] {
  const removed: string[] = [];
  for (const entry of attempt(() => readdirSync(folder)) ?? []) {
    const [ending, owner = ''] = unfinishedName.exec(entry) ?? [];
    if (ending === undefined || (name !== undefined && entry !== `${name}${ending}`)) continue;
    const path = join(folder, entry);
    attempt(() => {
      const age = Date.now() - statSync(path).mtimeMs;
      if (age <= abandoned && !hasEnded(owner)) return;
      rmSync(path);
      removed.push(path);
    });
  }
  return removed;
}

/** Moves a written file to another name on the same disk, in place of an older one, both for good. */
export async function moveFile(from: string, to: string): Promise<void> {
  {
    await using file = await open(from, 'r+');
    await file.sync();
  }
  renameSync(from, to);
  await settle(dirname(to));
}

/** Puts a new name on the disk, which is where its folder is. Not every system can be asked for that. */
async function settle(folder: string): Promise<void> {
  try {
    await using opened = await open(folder, 'r');
    await opened.sync();
  } catch {}
}
