import { closeSync, fstatSync, readSync } from 'node:fs';
import { at } from '../base/at.ts';
import { EngineError } from '../base/errors.ts';
import { openRegularFileSync } from '../base/regular-file.ts';
import type { Scalar, ScalarType } from './values.ts';

const chunkBytes = 2 ** 20;
// Today's largest headers take 20 MB; these bounds keep a damaged one from costing time and memory.
const longestHeader = 2 ** 28;
const longestString = 2 ** 26;

const reasonOf = (error: unknown): string => at((error as Error).message.split(','), 0);

function open(file: string): number {
  try {
    return openRegularFileSync(file);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') throw new EngineError('MODEL_NOT_FOUND', { file }, { cause });
    throw new EngineError('UNREADABLE', { file, reason: reasonOf(cause) }, { cause });
  }
}

const narrow = (value: bigint): number | bigint => {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
};

/**
 * Reads the header of a file forwards, in large chunks. No length is believed before it is checked against the file.
 * Reading throws GGUF_TRUNCATED, GGUF_CORRUPT, READ_FAILED and FILE_CHANGED; opening MODEL_NOT_FOUND and UNREADABLE.
 */
export class Cursor implements Disposable {
  readonly file: string;
  /** Bytes in the file. */
  readonly size: number;
  /** The section that is being read, for errors. */
  section = 'its header';
  readonly #fd: number;
  #position: number;
  #chunk: DataView;
  /** The file offset of the chunk, and the number of its bytes that are read. */
  #start = 0;
  #filled = 0;

  constructor(file: string, position = 0) {
    this.#fd = open(file);
    this.file = file;
    this.size = fstatSync(this.#fd).size;
    this.#position = position;
    this.#chunk = new DataView(new ArrayBuffer(Math.min(chunkBytes, this.size)));
  }

  get position(): number {
    return this.#position;
  }

  corrupt(what: string): EngineError<'GGUF_CORRUPT'> {
    return new EngineError('GGUF_CORRUPT', { file: this.file, what });
  }

  /** Throws unless the file still holds `bytes` bytes, and a header may hold them. */
  expect(bytes: number): void {
    const needed = this.#position + bytes;
    if (needed > this.size) {
      throw new EngineError('GGUF_TRUNCATED', { file: this.file, needed, size: this.size, what: this.section });
    }
    if (needed > longestHeader) throw this.corrupt(`${this.section} takes ${bytes} bytes`);
  }

  skip(bytes: number): void {
    this.expect(bytes);
    this.#position += bytes;
  }

  /** The next `n` bytes, valid until the next read. */
  bytes(n: number): Buffer {
    const at = this.#take(n);
    return Buffer.from(this.#chunk.buffer as ArrayBuffer, at, n);
  }

  u32(): number {
    return this.#chunk.getUint32(this.#take(4), true);
  }

  /** A 64-bit offset, length or count; beyond 2^53 it is GGUF_CORRUPT. */
  u64(): number {
    const at = this.#take(8);
    const value = this.#chunk.getUint32(at + 4, true) * 2 ** 32 + this.#chunk.getUint32(at, true);
    if (value > Number.MAX_SAFE_INTEGER) throw this.corrupt(`${this.section} has a size of ${value}`);
    return value;
  }

  string(): string {
    const length = this.u64();
    if (length > longestString) throw this.corrupt(`${this.section} has a string of ${length} bytes`);
    return this.bytes(length).toString();
  }

  /** A string of 1 to `longest` bytes that is safe to print. */
  name(longest: number): string {
    const length = this.u64();
    if (length === 0 || length > longest) throw this.corrupt(`${this.section} has a name of ${length} bytes`);
    const name = this.bytes(length).toString();
    if (/\p{Cc}/u.test(name)) throw this.corrupt(`${this.section} has a name with control characters`);
    return name;
  }

  /** Steps over `count` strings: most of the work of opening a model. 800 thousand take 20 ms. */
  skipStrings(count: number): void {
    for (let left = count; left > 0; left -= 1) {
      left -= this.#skipLoaded(left - 1);
      this.skip(this.u64());
    }
  }

  scalar(type: ScalarType): Scalar {
    switch (type) {
      case 'u8':
        return this.#chunk.getUint8(this.#take(1));
      case 'i8':
        return this.#chunk.getInt8(this.#take(1));
      case 'u16':
        return this.#chunk.getUint16(this.#take(2), true);
      case 'i16':
        return this.#chunk.getInt16(this.#take(2), true);
      case 'u32':
        return this.u32();
      case 'i32':
        return this.#chunk.getInt32(this.#take(4), true);
      case 'f32':
        return this.#chunk.getFloat32(this.#take(4), true);
      case 'u64':
        return narrow(this.#chunk.getBigUint64(this.#take(8), true));
      case 'i64':
        return narrow(this.#chunk.getBigInt64(this.#take(8), true));
      case 'f64':
        return this.#chunk.getFloat64(this.#take(8), true);
      case 'bool':
        return this.#bool();
      case 'string':
        return this.string();
      default:
        throw new Error(`no reader for ${type satisfies never}`);
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  #bool(): boolean {
    const byte = this.#chunk.getUint8(this.#take(1));
    if (byte > 1) throw this.corrupt(`${this.section} has a boolean of ${byte}`);
    return byte === 1;
  }

  /** Steps over up to `most` strings, as long as they are short and lie in the chunk; returns their number. */
  #skipLoaded(most: number): number {
    const chunk = this.#chunk;
    const filled = this.#filled;
    let at = this.#position - this.#start;
    let count = 0;
    for (; count < most && at + 8 <= filled; count += 1) {
      const end = at + 8 + chunk.getUint32(at, true);
      if (end > filled || chunk.getUint32(at + 4, true) !== 0) break;
      at = end;
    }
    this.#position = this.#start + at;
    return count;
  }

  /** Steps over `n` bytes, which then lie together in the chunk; returns their offset in it. */
  #take(n: number): number {
    const at = this.#position - this.#start;
    if (at + n > this.#filled) return this.#refill(n);
    this.#position += n;
    return at;
  }

  #refill(n: number): number {
    this.expect(n);
    // Numbers never need this: a chunk is as large as the file, or larger than any of them.
    if (n > this.#chunk.byteLength) this.#chunk = new DataView(new ArrayBuffer(n));
    this.#start = this.#position;
    this.#filled = 0;
    while (this.#filled < n) this.#filled += this.#read(this.#start + this.#filled);
    this.#position += n;
    return 0;
  }

  #read(offset: number): number {
    const { file } = this;
    let bytes: number;
    try {
      bytes = readSync(this.#fd, this.#chunk, this.#filled, this.#chunk.byteLength - this.#filled, offset);
    } catch (cause) {
      throw new EngineError('READ_FAILED', { file, offset, reason: reasonOf(cause) }, { cause });
    }
    if (bytes === 0) throw new EngineError('FILE_CHANGED', { file, offset });
    return bytes;
  }
}
