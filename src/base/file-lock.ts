import { randomUUID } from 'node:crypto';
import { linkSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { attempt } from './attempt.ts';
import { EngineError } from './errors.ts';
import { hasEnded, ownerOf, ownerPattern } from './owner.ts';
import { readTextFile, reasonOf } from './regular-file.ts';

/** Milliseconds after which the holder of a lock shows that it is still there, and after which it is taken for gone. */
const heartbeat = 15_000;
const abandoned = 120_000;
/** Milliseconds after which nobody is about to write the text of an empty lock any more. */
const unwritten = 5_000;
const content = new RegExp(`^ssd-llm (${ownerPattern.source}) \\S+\n$`);
const longest = 200;
/** Texts of the locks that this process holds. */
const held = new Set<string>();

/**
 * Keeps a file for one process at a time, by a second one beside it: FILE.lock. A killed process leaves the lock
 * behind, and the next one takes it over. (The system's own locks are released by themselves, but Node has none.)
 */
export class FileLock implements Disposable {
  readonly #file: string;
  readonly #text: string;
  readonly #timer: NodeJS.Timeout;

  private constructor(file: string, text: string) {
    this.#file = file;
    this.#text = text;
    this.#timer = setInterval(() => attempt(() => utimesSync(pathOf(file), new Date(), new Date())), heartbeat);
    this.#timer.unref();
    held.add(text);
  }

  /** Takes the lock. Throws FILE_IN_USE, and UNWRITABLE where the folder takes no files. */
  static acquire(file: string): FileLock {
    const text = `ssd-llm ${ownerOf()} ${randomUUID()}\n`;
    // Several may find the same abandoned lock, and one is first.
    for (let tries = 0; tries < 3; tries += 1) {
      if (create(file, text)) return new FileLock(file, text);
      const seen = read(file);
      if (seen === undefined) continue;
      if (!isLeft(file, seen)) throw inUse(file, ownerIn(seen));
      removeIf(file, seen);
    }
    throw inUse(file, ownerIn(read(file) ?? ''));
  }

  /** Throws FILE_IN_USE if another process has taken over this lock: after this one was stopped for minutes. */
  check(): void {
    const found = read(this.#file) ?? '';
    if (found !== this.#text) throw inUse(this.#file, ownerIn(found));
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    held.delete(this.#text);
    if (attempt(() => read(this.#file)) === this.#text) attempt(() => rmSync(pathOf(this.#file)));
  }
}

const pathOf = (file: string): string => `${file}.lock`;

/** Creates the lock; false if there is one already. */
function create(file: string, text: string): boolean {
  try {
    writeFileSync(pathOf(file), text, { flag: 'wx', mode: 0o600 });
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw new EngineError('UNWRITABLE', { file, reason: reasonOf(cause) }, { cause });
  }
}

/** Text of the lock; undefined if there is none any more. Throws FILE_IN_USE for a file that is not ours. */
function read(file: string): string | undefined {
  try {
    return readTextFile(pathOf(file), longest);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw inUse(file, undefined);
  }
}

const ownerIn = (text: string): string | undefined => content.exec(text)?.[1];

/**
 * True for the lock of a process that has ended, or has given no sign of life for two minutes: nothing else is known of
 * processes in other containers and on other machines. An empty lock is being written, or was as its process was killed.
 */
function isLeft(file: string, text: string): boolean {
  const owner = ownerIn(text);
  if (!owner && text !== '') return false;
  // Where a machine or container starts anew, processes have the numbers of those before them.
  if (owner && (hasEnded(owner) || (owner === ownerOf() && !held.has(text)))) return true;
  const written = attempt(() => statSync(pathOf(file)).mtimeMs);
  return written !== undefined && Date.now() - written > (text === '' ? unwritten : abandoned);
}

/** Removes an abandoned lock, but not one that took its place since it was read. */
function removeIf(file: string, seen: string): void {
  const path = pathOf(file);
  const aside = `${path}.${randomUUID()}`;
  attempt(() => {
    renameSync(path, aside);
    if (readTextFile(aside, longest) !== seen) linkSync(aside, path);
  });
  attempt(() => rmSync(aside, { force: true }));
}

const inUse = (file: string, owner: string | undefined): EngineError =>
  new EngineError('FILE_IN_USE', {
    file,
    lock: pathOf(file),
    pid: owner === undefined ? undefined : Number.parseInt(owner, 10),
  });
