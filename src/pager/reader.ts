import { close, closeSync, constants, openSync, read, readSync, readv, write } from 'node:fs';
import { at } from '../base/at.ts';
import { EngineError } from '../base/errors.ts';
import { allSettled } from '../base/promises.ts';
import { HostMemory } from '../ggml/host-memory.ts';
import { disablePageCache, dropPageCache, pageBytes } from '../ggml/system.ts';

/** Reads `into.length` bytes at `position`, or fewer at the end of the file. Node's `fs.read`, or a test's. */
export type ReadAt = (
  fd: number,
  into: Uint8Array,
  position: number,
  done: (error: Error | null, bytes: number) => void,
) => void;

/** The way to read a device, which calibration finds. */
export interface ReadSettings {
  /** Reads in flight at once; less than libuv's threads, so that computing never queues behind reading. */
  readonly inFlight: number;
  /** Bytes of one read, a multiple of the page; longer reads are divided. */
  readonly chunkBytes: number;
}

/** Bytes that most devices need for their full rate, and few enough for several reads in flight. */
const usualChunkBytes = 8 * 2 ** 20;

export interface ReaderOptions extends Partial<ReadSettings> {
  readonly inFlight: number;
  /** The function that reads, for tests. A vectored read is one of each of its parts. */
  readonly readAt?: ReadAt;
}

/** A read that has ended; times are milliseconds of `performance.now()`. */
export interface ReadEvent {
  readonly file: number;
  readonly position: number;
  readonly bytes: number;
  readonly begin: number;
  readonly end: number;
}

/** A file that is open, `direct` if past the page cache. */
export interface OpenedFile {
  readonly path: string;
  readonly fd: number;
  readonly size: number;
  readonly direct: boolean;
}

interface OpenFile extends OpenedFile {
  readonly index: number;
}

interface Transfer {
  /** Memory, whose parts are consecutive bytes of the file. */
  readonly parts: readonly Uint8Array[];
  readonly position: number;
  readonly writes: boolean;
}

interface Job extends Transfer {
  readonly file: OpenFile;
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

const bytesOf = (parts: readonly Uint8Array[]): number => parts.reduce((sum, { length }) => sum + length, 0);

/** The bytes [from, to) of all parts together. */
function cut(parts: readonly Uint8Array[], from: number, to: number): readonly Uint8Array[] {
  const result: Uint8Array[] = [];
  let begin = 0;
  for (const part of parts) {
    const piece = part.subarray(Math.max(0, from - begin), Math.max(0, to - begin));
    if (piece.length > 0) result.push(piece);
    begin += part.length;
  }
  return result;
}

/**
 * Reads model files past the page cache, several reads at once. Where the file system refuses direct reads, reads are
 * buffered and dropped from the page cache. Files that were added are written alike.
 */
export class Reader implements AsyncDisposable {
  /** Bytes read so far. */
  bytesRead = 0;
  /** Bytes written so far, to files that were added. */
  bytesWritten = 0;
  /** Hears of every read. */
  onRead: ((event: ReadEvent) => void) | undefined;
  /** The chunk size, and the reads in flight. */
  readonly reading: ReadSettings;
  readonly #files: OpenFile[];
  readonly #readAt: ReadAt | undefined;
  readonly #urgent: Job[] = [];
  readonly #queue: Job[] = [];
  #active = 0;
  /**
   * Milliseconds in which reads were under way, up to the last time that none was; and the time since which some are.
   */
  #busy = 0;
  #busySince = 0;
  #closing: (() => void) | undefined;
  #closed = false;

  /** Opens the files. Throws MODEL_NOT_FOUND, UNREADABLE. */
  constructor(files: readonly { readonly path: string; readonly size: number }[], options: ReaderOptions) {
    this.#files = [...openAll(files)];
    this.reading = { inFlight: options.inFlight, chunkBytes: options.chunkBytes ?? usualChunkBytes };
    this.#readAt = options.readAt;
  }

  /** True if all files are read past the page cache. */
  get direct(): boolean {
    return this.#files.every((file) => file.direct);
  }

  /** Seconds in which at least one read was under way. */
  get busySeconds(): number {
    return (this.#busy + (this.#active > 0 ? performance.now() - this.#busySince : 0)) / 1000;
  }

  /**
   * Fills `into` from `position` of file `file`. Address, length and position are multiples of the page; the file may
   * end before the last page does. Urgent reads overtake the others. Rejects with READ_FAILED, FILE_CHANGED.
   */
  read(file: number, into: Uint8Array, position: number, urgent = false): Promise<void> {
    return this.#transfer(file, { parts: [into], position, writes: false }, urgent);
  }

  /**
   * Fills `parts`, one after the other, from `position` of file `file`: an urgent read, for bytes that go to several
   * places. Otherwise like `read`.
   */
  readv(file: number, parts: readonly Uint8Array[], position: number): Promise<void> {
    return this.#transfer(file, { parts, position, writes: false }, true);
  }

  /**
   * Writes `from` at `position` of file `file`, one that was added, within its size. Address, length and position are
   * multiples of the page. Rejects with WRITE_FAILED.
   */
  write(file: number, from: Uint8Array, position: number): Promise<void> {
    return this.#transfer(file, { parts: [from], position, writes: true }, true);
  }

  /** Takes over a file that is open for reading and writing, to close it at the end. Returns its number. */
  add(file: OpenedFile): number {
    const index = this.#files.length;
    this.#files.push({ index, ...file });
    return index;
  }

  /** Waits for the reads under way, gives up those that have not begun, and closes the files. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const job of [...this.#urgent.splice(0), ...this.#queue.splice(0)]) job.reject(new Error('closed'));
    if (this.#active > 0) await new Promise<void>((resolve) => (this.#closing = resolve));
    await Promise.all(this.#files.map(({ fd }) => new Promise<void>((resolve) => close(fd, () => resolve()))));
  }

  async #transfer(index: number, { parts, position, writes }: Transfer, urgent: boolean): Promise<void> {
    const file = this.#files[index];
    if (!file || this.#closed) throw new Error('the reader is closed');
    const { chunkBytes } = this.reading;
    const total = bytesOf(parts);
    const chunks: Promise<void>[] = [];
    for (let done = 0; done < total; done += chunkBytes) {
      const bytes = Math.min(chunkBytes, total - done);
      const chunk = cut(parts, done, done + bytes);
      chunks.push(this.#enqueue({ file, parts: chunk, bytes, position: position + done, writes }, urgent));
    }
    await allSettled(chunks);
  }

  #enqueue(job: Omit<Job, 'resolve' | 'reject'>, urgent: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      (urgent ? this.#urgent : this.#queue).push({ ...job, resolve, reject });
      this.#start();
    });
  }

  #start(): void {
    while (this.#active < this.reading.inFlight) {
      const job = this.#urgent.shift() ?? this.#queue.shift();
      if (!job) return;
      const begin = performance.now();
      if (this.#active === 0) this.#busySince = begin;
      this.#active += 1;
      if (job.writes) this.#write(job, 0);
      else this.#run(job, 0, begin);
    }
  }

  /** Reads on from `done` bytes until the job's bytes, or the file, are at their end. */
  #run(job: Job, done: number, begin: number): void {
    const { file, position } = job;
    const wanted = Math.min(job.bytes, file.size - position);
    const rest = done === 0 ? job.parts : cut(job.parts, done, job.bytes);
    this.#call(file.fd, rest, position + done, (error, bytes) => {
      this.bytesRead += bytes || 0;
      if (error) {
        const reason = (error as NodeJS.ErrnoException).code ?? error.message;
        this.#finish(job, new EngineError('READ_FAILED', { file: file.path, offset: position + done, reason }));
      } else if (done + bytes >= wanted) {
        if (!file.direct) dropPageCache(file.fd, position, job.bytes);
        this.onRead?.({ file: file.index, position, bytes: job.bytes, begin, end: performance.now() });
        this.#finish(job);
      } else if (bytes === 0 || (file.direct && bytes % pageBytes !== 0)) {
        this.#finish(job, new EngineError('FILE_CHANGED', { file: file.path, offset: position + done + bytes }));
      } else {
        this.#run(job, done + bytes, begin);
      }
    });
  }

  #call(fd: number, parts: readonly Uint8Array[], position: number, done: Parameters<ReadAt>[3]): void {
    const first = at(parts, 0);
    if (this.#readAt) this.#readAt(fd, first, position, done);
    else if (parts.length === 1) read(fd, first, 0, first.length, position, done);
    else readv(fd, parts, position, done);
  }

  /** Writes on from `done` bytes until the job's bytes are written. */
  #write(job: Job, done: number): void {
    const { file, position } = job;
    const from = at(job.parts, 0);
    write(file.fd, from, done, from.length - done, position + done, (error, bytes) => {
      if (error || bytes === 0) {
        const reason = (error as NodeJS.ErrnoException | null)?.code ?? error?.message ?? 'nothing was written';
        this.#finish(job, new EngineError('WRITE_FAILED', { file: file.path, offset: position + done, reason }));
        return;
      }
      this.bytesWritten += bytes;
      if (done + bytes < from.length) this.#write(job, done + bytes);
      else this.#finish(job);
    });
  }

  #finish(job: Job, error?: Error): void {
    this.#active -= 1;
    if (error) job.reject(error);
    else job.resolve();
    if (this.#active === 0) this.#busy += performance.now() - this.#busySince;
    if (this.#closed && this.#active === 0) this.#closing?.();
    this.#start();
  }
}

/** Opens all files or, if one cannot be opened, none. */
function openAll(files: readonly { readonly path: string; readonly size: number }[]): readonly OpenFile[] {
  const opened: OpenFile[] = [];
  try {
    for (const [index, { path, size }] of files.entries()) opened.push({ index, path, size, ...openForReading(path) });
  } catch (error) {
    for (const { fd } of opened) closeSync(fd);
    throw error;
  }
  return opened;
}

/** Opens past the page cache where the system and the file system can. */
function openForReading(path: string): { fd: number; direct: boolean } {
  try {
    if (constants.O_DIRECT !== undefined) {
      const fd = openDirect(path, constants.O_RDONLY | constants.O_DIRECT);
      if (fd !== undefined) return { fd, direct: true };
    }
    const fd = openSync(path, 'r');
    return { fd, direct: disablePageCache(fd) };
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    if (reason === 'ENOENT') throw new EngineError('MODEL_NOT_FOUND', { file: path }, { cause });
    throw new EngineError('UNREADABLE', { file: path, reason }, { cause });
  }
}

/** Opens for direct reads and tries one: some file systems refuse to open, some only to read. */
function openDirect(path: string, flags: number): number | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(path, flags);
    using page = new HostMemory(pageBytes, 'a page');
    readSync(fd, page.view(0, pageBytes), 0, pageBytes, 0);
    return fd;
  } catch (error) {
    if (fd !== undefined) closeSync(fd);
    if ((error as NodeJS.ErrnoException).code === 'EINVAL') return undefined;
    throw error;
  }
}
