import { randomUUID } from 'node:crypto';
import { linkSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { attempt } from './attempt.ts';
import { EngineError } from './errors.ts';
import { hasEnded, type Owner, thisProcess } from './owner.ts';
import { readTextFile, reasonOf } from './regular-file.ts';

/** Milliseconds after which the holder of a lock shows that it is still there, and after which it is taken for gone. */
const heartbeat = 15_000;
const abandoned = 120_000;
const content = /^ssd-llm (\d+)-([0-9a-f]{8}) \S+\n$/;
const longest = 200;
/** What the locks of this process say. */
const held = new Set<string>();

/**
 * Keeps a file for one process at a time, by a second one beside it: FILE.lock. A process that is killed leaves that
 * behind, and the next one takes it over. (Locks of the system are released by themselves, but Node has none.)
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

  /** Throws FILE_IN_USE, and UNWRITABLE where the folder takes no files. */
  static acquire(file: string): FileLock {
    const { pid, host } = thisProcess();
    const text = `ssd-llm ${pid}-${host} ${randomUUID()}\n`;
    // Of several that find a lock that was left, one is first.
    for (let tries = 0; tries < 3; tries += 1) {
      if (create(file, text)) return new FileLock(file, text);
      const seen = read(file);
      if (seen === undefined) continue;
      if (!isLeft(file, seen)) throw inUse(file, ownerIn(seen));
      removeIf(file, seen);
    }
    throw inUse(file, ownerIn(read(file) ?? ''));
  }

  /** Throws FILE_IN_USE if another process has taken this one for gone: after it was stopped for minutes. */
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

/** False if there is one already. */
function create(file: string, text: string): boolean {
  try {
    writeFileSync(pathOf(file), text, { flag: 'wx', mode: 0o600 });
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw new EngineError('UNWRITABLE', { file, reason: reasonOf(cause) }, { cause });
  }
}

/** Undefined if there is none any more. Throws FILE_IN_USE for what is none of ours. */
function read(file: string): string | undefined {
  try {
    return readTextFile(pathOf(file), longest);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw inUse(file, undefined);
  }
}

function ownerIn(text: string): Owner | undefined {
  const [, pid, host] = content.exec(text) ?? [];
  return host === undefined ? undefined : { pid: Number(pid), host };
}

/** Of a process that has ended, or has given no sign of life. What is empty is being written, or was. */
function isLeft(file: string, text: string): boolean {
  const owner = ownerIn(text);
  if (!owner && text !== '') return false;
  if (owner && (hasEnded(owner) || (isOurs(owner) && !held.has(text)))) return true;
  const written = attempt(() => statSync(pathOf(file)).mtimeMs);
  return written !== undefined && Date.now() - written > abandoned;
}

/** In a container that starts anew, processes have the numbers of those before them. */
function isOurs({ pid, host }: Owner): boolean {
  const own = thisProcess();
  return pid === own.pid && host === own.host;
}

/** Removes a lock that was left, but not one that took its place since it was read. */
function removeIf(file: string, seen: string): void {
  const path = pathOf(file);
  const aside = `${path}.${randomUUID()}`;
  attempt(() => {
    renameSync(path, aside);
    if (readTextFile(aside, longest) !== seen) linkSync(aside, path);
  });
  attempt(() => rmSync(aside, { force: true }));
}

const inUse = (file: string, owner: Owner | undefined): EngineError =>
  new EngineError('FILE_IN_USE', { file, lock: pathOf(file), pid: owner?.pid });
