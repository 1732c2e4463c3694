import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError } from '../../src/base/errors.ts';
import type { Reader } from '../../src/pager/reader.ts';

/** Bytes of memory that are read into or written from, and where they are in their file. */
interface Transfer {
  readonly file: number;
  readonly bytes: Uint8Array;
  readonly position: number;
}

const overlap = (a: number, aLength: number, b: number, bLength: number): boolean => a < b + bLength && b < a + aLength;

const collide = (a: Transfer, b: Transfer): boolean =>
  (a.bytes.buffer === b.bytes.buffer &&
    overlap(a.bytes.byteOffset, a.bytes.length, b.bytes.byteOffset, b.bytes.length)) ||
  (a.file === b.file && overlap(a.position, a.bytes.length, b.position, b.bytes.length));

export interface SpyOptions {
  /** Milliseconds that writes wait at most before they begin. */
  readonly delay?: number;
  /** Where it is: its first file is the model's, which is left alone. */
  readonly from?: number;
}

/**
 * Watches a reader's work on files other than the model's. Memory that is about to be read into is rubbish until then,
 * and nothing may be read to, or from, memory that is being written.
 */
export class SpiedReader {
  /** Bytes written so far, by position. */
  written = 0;
  writes = 0;
  reads = 0;
  /** The read, or the write, that fails: the first is 1. */
  failingRead = 0;
  failingWrite = 0;
  /** Races that were seen. */
  readonly races: string[] = [];

  constructor(reader: Reader, { delay = 0, from = 1 }: SpyOptions = {}) {
    const [read, write] = [reader.read.bind(reader), reader.write.bind(reader)];
    const [reading, writing] = [new Set<Transfer>(), new Set<Transfer>()];
    const watch = (own: Transfer, others: Iterable<Transfer>, what: string): void => {
      for (const other of others) if (collide(own, other)) this.races.push(`${what} at ${own.position}`);
    };
    let seed = 1;
    reader.read = async (file, bytes, position, urgent) => {
      if (file < from) return read(file, bytes, position, urgent);
      const own = { file, bytes, position };
      watch(own, writing, 'read while written');
      bytes.fill(0xff);
      this.reads += 1;
      if (this.reads === this.failingRead) throw failure('READ_FAILED', position);
      reading.add(own);
      await read(file, bytes, position, urgent).finally(() => reading.delete(own));
    };
    reader.write = async (file, bytes, position) => {
      const own = { file, bytes, position };
      watch(own, [...reading, ...writing], 'written while read or written');
      this.written += bytes.length;
      this.writes += 1;
      if (this.writes === this.failingWrite) throw failure('WRITE_FAILED', position);
      writing.add(own);
      seed = (seed * 16807) % 2147483647;
      if (delay > 0) await sleep(seed % (delay + 1));
      await write(file, bytes, position).finally(() => writing.delete(own));
    };
  }

  /** From now on, the read or write that comes after so many others fails. */
  fail(what: 'Read' | 'Write', after: number): void {
    this[`failing${what}`] = (what === 'Read' ? this.reads : this.writes) + after + 1;
  }

  assertNoRaces(): void {
    assert.deepEqual(this.races, []);
  }
}

const failure = (code: 'READ_FAILED' | 'WRITE_FAILED', offset: number): EngineError =>
  new EngineError(code, { file: 'keys and values', offset, reason: 'EIO' });
