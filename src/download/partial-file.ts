import { createHash } from 'node:crypto';
import { rmSync, statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as z from 'zod';
import { attempt } from '../base/attempt.ts';
import { writeFailure } from '../base/disk-room.ts';
import { EngineError } from '../base/errors.ts';
import { FileLock } from '../base/file-lock.ts';
import { makeFolder } from '../base/folder.ts';
import { collectYoungGarbage } from '../base/garbage.ts';
import { allSettled, withEither } from '../base/promises.ts';
import { readTextFile } from '../base/regular-file.ts';
import { replaceFile } from '../base/replace-file.ts';
import { readHeader } from '../gguf/header.ts';
import {
  areSound,
  beginIn,
  type FileRange,
  type FileRanges,
  missingIn,
  piecesOf,
  rangeBytes,
  withRange,
} from './file-ranges.ts';
import { RemoteBytes, type RemoteFile } from './remote-file.ts';
import { NoRanges, type Web } from './web.ts';

/** The division of a download, in bytes and time. */
export interface DownloadPace {
  /** Bytes that are asked for in one request. */
  readonly piece: number;
  /** Requests at a time. */
  readonly atOnce: number;
  /** Bytes from the beginning of a file that are read first, for its header, and then four times as many. */
  readonly header: number;
  /** Milliseconds after which it is recorded what has come: what is lost where the process is killed. */
  readonly record: number;
}

const usualPace: DownloadPace = { piece: 16 * 2 ** 20, atOnce: 4, header: 2 * 2 ** 20, record: 2000 };

/** Bytes of the largest header. */
const mostHeader = 128 * 2 ** 20;
const mostRecord = 2 ** 20;
/** Bytes that come between two collections of what they came in. */
const garbageBytes = 8 * 2 ** 20;
const sumBytes = 2 ** 20;

const recordSchema = z.object({
  size: z.number(),
  version: z.string(),
  held: z.array(z.object({ start: z.number(), end: z.number() })),
});

const recordPath = (path: string): string => `${path}.json`;

/**
 * A file on its way here: of full size from the beginning on, with holes, and a record beside it of the bytes that are
 * on the disk, by which a later process goes on. One process at a time has it.
 */
export class PartialFile implements AsyncDisposable {
  readonly path: string;
  readonly remote: RemoteFile;
  readonly #web: Web;
  readonly #pace: DownloadPace;
  readonly #bytes: RemoteBytes;
  readonly #handle: FileHandle;
  readonly #lock: FileLock;
  #held: FileRanges;
  /** The most bytes that have been there. */
  #most: number;
  /** Bytes that have come since garbage was collected. */
  #uncollected = 0;
  #recorded: Promise<void> = Promise.resolve();
  #recordedAt: number = performance.now();

  private constructor(
    path: string,
    remote: RemoteFile,
    {
      web,
      pace,
      handle,
      lock,
      held,
    }: { web: Web; pace: DownloadPace; handle: FileHandle; lock: FileLock; held: FileRanges },
  ) {
    this.path = path;
    this.remote = remote;
    this.#web = web;
    this.#pace = pace;
    this.#bytes = new RemoteBytes(remote, web);
    this.#handle = handle;
    this.#lock = lock;
    this.#held = held;
    this.#most = rangeBytes(held);
  }

  /** Begins a file, or goes on with it. Rejects with FILE_IN_USE, UNWRITABLE, NO_ROOM. */
  static async open(path: string, remote: RemoteFile, web: Web, pace: DownloadPace = usualPace): Promise<PartialFile> {
    try {
      makeFolder(dirname(path));
    } catch (error) {
      throw writeFailure(path, error, remote.size);
    }
    const lock = FileLock.acquire(path);
    try {
      const held = readRecord(path, remote);
      const handle = await open(path, held.length > 0 ? 'r+' : 'w+', 0o600);
      try {
        await handle.truncate(remote.size);
      } catch (error) {
        await handle.close();
        throw error;
      }
      return new PartialFile(path, remote, { web, pace, handle, lock, held });
    } catch (error) {
      lock[Symbol.dispose]();
      throw error instanceof EngineError ? error : writeFailure(path, error, remote.size);
    }
  }

  /** Bytes that are there, of `remote.size`. Never fewer than before. */
  get done(): number {
    return this.#most;
  }

  /** Bytes that are still to come. */
  get missing(): number {
    return this.remote.size - rangeBytes(this.#held);
  }

  /**
   * Fetches the begin of the file, as far as its GGUF header reaches. Rejects with the errors of headers, and those of
   * `fetchRest`.
   */
  async fetchHeader(signal: AbortSignal): Promise<void> {
    const { size } = this.remote;
    for (let end = this.#pace.header; ; end *= 4) {
      await this.#fetchBegin(Math.min(end, size), signal);
      try {
        if (readHeader(this.path).dataOffset <= beginIn(this.#held)) break;
      } catch (error) {
        const { code } = error as EngineError;
        // Behind what has come are zeros.
        if (code === 'NOT_GGUF' || code === 'GGUF_VERSION' || end >= Math.min(size, mostHeader)) throw error;
      }
    }
  }

  async #fetchBegin(end: number, signal: AbortSignal): Promise<void> {
    const start = beginIn(this.#held);
    if (start >= end) return;
    try {
      await this.#fetch({ start, end }, signal);
    } catch (error) {
      if (!(error instanceof NoRanges)) throw error;
      await this.#fetch({ start: 0, end }, signal, { anew: true });
    }
  }

  /**
   * Fetches what is missing, several ranges at once. Rejects with DOWNLOAD_FAILED, UNREACHABLE, ACCESS_DENIED,
   * REMOTE_NOT_FOUND, NO_ROOM, UNWRITABLE, or the signal's reason. The bytes that have come are kept.
   */
  async fetchRest(signal: AbortSignal, onBytes: () => void = () => {}): Promise<void> {
    try {
      await this.#fetchPieces(signal, onBytes);
    } catch (error) {
      if (!(error instanceof NoRanges)) throw error;
      // From its beginning again, in one.
      await this.#fetch({ start: 0, end: this.remote.size }, signal, { onBytes, anew: true });
    } finally {
      await this.#record();
    }
  }

  async #fetchPieces(signal: AbortSignal, onBytes: () => void): Promise<void> {
    const { piece, atOnce } = this.#pace;
    const pieces = piecesOf(missingIn(this.#held, this.remote.size), piece).values();
    const failed = new AbortController();
    await withEither([signal, failed.signal], (either) => {
      const worker = async (): Promise<void> => {
        try {
          for (const one of pieces) {
            await this.#fetch(one, either, { onBytes });
            if (performance.now() - this.#recordedAt >= this.#pace.record) await this.#record();
          }
        } catch (error) {
          failed.abort(error);
          throw error;
        }
      };
      return allSettled(Array.from({ length: atOnce }, worker));
    }).catch((error) => {
      signal.throwIfAborted();
      throw failed.signal.reason ?? error;
    });
  }

  /** Fetches a range; after a failure what is left of it, or all of it `anew`. */
  #fetch(
    range: FileRange,
    signal: AbortSignal,
    { onBytes = () => {}, anew = false }: { onBytes?: () => void; anew?: boolean } = {},
  ): Promise<void> {
    let at = range.start;
    const work = async (): Promise<void> => {
      if (anew) at = range.start;
      using reply = await this.#bytes.get(at, range.end, signal);
      for await (const bytes of reply.body) {
        const wanted = bytes.subarray(0, range.end - at);
        await this.#write(wanted, at);
        at += wanted.length;
        onBytes();
        if (at === range.end) return;
      }
      throw new Error('the connection was cut');
    };
    return this.#web.retrying(this.remote.url, signal, work, { begun: true, progress: () => at });
  }

  async #write(bytes: Uint8Array, start: number): Promise<void> {
    try {
      for (let written = 0; written < bytes.length; ) {
        written += (await this.#handle.write(bytes, written, bytes.length - written, start + written)).bytesWritten;
      }
    } catch (error) {
      throw writeFailure(this.path, error, this.missing);
    }
    this.#uncollected += bytes.length;
    if (this.#uncollected >= garbageBytes) {
      collectYoungGarbage();
      this.#uncollected = 0;
    }
    this.#held = withRange(this.#held, { start, end: start + bytes.length });
    this.#most = Math.max(this.#most, rangeBytes(this.#held));
  }

  /** Records the bytes that are there, once they are on the disk. */
  #record(): Promise<void> {
    const { size, version } = this.remote;
    this.#recordedAt = performance.now();
    this.#recorded = this.#recorded.then(async () => {
      const held = this.#held;
      try {
        await this.#handle.datasync();
        await replaceFile(recordPath(this.path), (file) => file.writeFile(JSON.stringify({ size, version, held })));
      } catch (error) {
        throw writeFailure(this.path, error, this.missing);
      }
    });
    return this.#recorded;
  }

  /** The sum of the whole file: "sha256:" and 64 hex digits. Rejects with READ_FAILED, or the signal's reason. */
  async sum(signal: AbortSignal, onBytes: (done: number) => void = () => {}): Promise<string> {
    const hash = createHash('sha256');
    const buffer = Buffer.allocUnsafe(sumBytes);
    for (let at = 0; at < this.remote.size; ) {
      signal.throwIfAborted();
      const { bytesRead } = await this.#handle.read(buffer, 0, sumBytes, at);
      if (bytesRead === 0)
        throw new EngineError('READ_FAILED', { file: this.path, offset: at, reason: 'it ends there' });
      hash.update(buffer.subarray(0, bytesRead));
      at += bytesRead;
      onBytes(at);
    }
    return `sha256:${hash.digest('hex')}`;
  }

  /** Ends the work with a file that is whole; it stays where it is, without its record. */
  async close(): Promise<void> {
    // Its bytes may have come long ago.
    await this.#handle.utimes(new Date(), new Date());
    await this.#handle.close();
    rmSync(recordPath(this.path), { force: true });
  }

  /** Forgets the file: what came is not what was wanted. */
  async remove(): Promise<void> {
    await this.close();
    rmSync(this.path, { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
    this.#lock[Symbol.dispose]();
  }
}

/** The bytes that an earlier process has left of the same file; none where the record cannot be relied on. */
function readRecord(path: string, { size, version }: RemoteFile): FileRanges {
  const record = attempt(() => recordSchema.parse(JSON.parse(readTextFile(recordPath(path), mostRecord))));
  if (record === undefined || record.size !== size || record.version !== version) return [];
  return areSound(record.held, size) && attempt(() => statSync(path).size) === size ? record.held : [];
}
