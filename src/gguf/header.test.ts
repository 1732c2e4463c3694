import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { arr, type MetadataValue, scalar, str, u32 } from '../../bench/gguf-writer.ts';
import { engineError } from '../../test/support/engine-error.ts';
import { sharedFolder } from '../../test/support/temp-folder.ts';
import type { ErrorCode } from '../base/error-details.ts';
import { readHeader } from './header.ts';
import type { Scalar, ScalarType } from './values.ts';

const folder = sharedFolder();
const path = folder.file('model.gguf');

const pack = (type: ScalarType, value: Scalar): Uint8Array => scalar(type, value).payload;
const raw = (bytes: readonly number[]): Uint8Array => Uint8Array.from(bytes);

interface Parts {
  magic?: string;
  version?: number;
  tensorCount?: number | bigint;
  entryCount?: number | bigint;
  entries?: readonly Uint8Array[];
  tensors?: readonly Uint8Array[];
  data?: number;
}

const entry = (key: string, { type, payload }: MetadataValue): Uint8Array =>
  Buffer.concat([pack('string', key), pack('u32', type), payload]);

const tensor = (name: string, shape: readonly (number | bigint)[], type = 0, offset: number | bigint = 0): Uint8Array =>
  Buffer.concat([
    pack('string', name),
    pack('u32', shape.length),
    ...shape.map((n) => pack('u64', n)),
    pack('u32', type),
    pack('u64', offset),
  ]);

/** Bytes of a file whose header can be wrong in any part; `data` bytes follow the header and its padding. */
function build(parts: Parts): Buffer {
  const { magic = 'GGUF', version = 3, entries = [], tensors = [], data = 0 } = parts;
  const header = Buffer.concat([
    Buffer.from(magic, 'latin1'),
    pack('u32', version),
    pack('u64', parts.tensorCount ?? tensors.length),
    pack('u64', parts.entryCount ?? entries.length),
    ...entries,
    ...tensors,
  ]);
  return Buffer.concat([header, Buffer.alloc(data === 0 ? 0 : 32 - (header.length % 32) + data)]);
}

function refuses(bytes: Uint8Array, code: ErrorCode, message: RegExp): void {
  writeFileSync(path, bytes);
  assert.throws(() => readHeader(path), engineError(code, message));
}

test('a file that is not there, not a file or not allowed is told apart', () => {
  const fails = (file: string, code: ErrorCode): void => assert.throws(() => readHeader(file), engineError(code));
  fails(folder.file('absent.gguf'), 'MODEL_NOT_FOUND');
  fails('', 'MODEL_NOT_FOUND');
  fails('nul\0byte', 'UNREADABLE');
  mkdirSync(folder.file('folder.gguf'));
  fails(folder.file('folder.gguf'), 'UNREADABLE');
  const locked = folder.file('locked.gguf');
  writeFileSync(locked, build({}));
  chmodSync(locked, 0);
  // Root may read everything, and Windows knows no such mode.
  if (process.platform !== 'win32' && process.getuid?.() !== 0) fails(locked, 'UNREADABLE');
});

test('what is not GGUF is shown by its first bytes', () => {
  refuses(raw([]), 'NOT_GGUF', /nothing, it is empty/);
  refuses(Buffer.from('GG'), 'NOT_GGUF', /starts with "GG"/);
  refuses(Buffer.from('<!DOCTYPE html>'), 'NOT_GGUF', /starts with "<!DO"/);
  refuses(raw([0x80, 2, 0x7d, 0x71]), 'NOT_GGUF', /starts with 0x80027d71/);
});

test('only versions 2 and 3 in little endian are read', () => {
  for (const version of [2, 3]) {
    writeFileSync(path, build({ version }));
    assert.equal(readHeader(path).version, version);
  }
  refuses(build({ version: 1 }), 'GGUF_VERSION', /is GGUF version 1;/);
  refuses(build({ version: 4 }), 'GGUF_VERSION', /is GGUF version 4;/);
  refuses(build({ version: 3 * 2 ** 24 }), 'GGUF_VERSION', /is a big-endian GGUF file/);
});

test('a header cut anywhere is truncated', () => {
  const bytes = build({
    entries: [entry('a', u32(1)), entry('b', arr('string', ['x', 'yz'])), entry('c', str('text'))],
    tensors: [tensor('w', [2, 3])],
    data: 24,
  });
  writeFileSync(path, bytes);
  assert.equal(readHeader(path).weights.size, 1);
  for (let size = 4; size < bytes.length; size += 1) refuses(bytes.subarray(0, size), 'GGUF_TRUNCATED', /is cut short/);
});

test('counts and lengths are not believed', () => {
  refuses(build({ tensorCount: 2 ** 21 }), 'GGUF_CORRUPT', /claims 2097152 tensors/);
  refuses(build({ tensorCount: 2n ** 64n - 1n }), 'GGUF_CORRUPT', /its header/);
  refuses(build({ entryCount: 2 ** 40 }), 'GGUF_CORRUPT', /claims 1099511627776 metadata entries/);
  refuses(build({ tensorCount: 1000 }), 'GGUF_TRUNCATED', /a list of 1000 tensors/);
  refuses(build({ entryCount: 1000 }), 'GGUF_TRUNCATED', /a list of 1000 metadata entries/);
  const list = (length: number | bigint, type = 4): MetadataValue => ({
    type: 9,
    payload: Buffer.concat([pack('u32', type), pack('u64', length), Buffer.alloc(100)]),
  });
  refuses(build({ entries: [entry('k', list(2 ** 24))] }), 'GGUF_TRUNCATED', /metadata "k"/);
  refuses(build({ entries: [entry('k', list(2 ** 24, 8))] }), 'GGUF_TRUNCATED', /metadata "k"/);
  refuses(build({ entries: [entry('k', list(2 ** 33))] }), 'GGUF_CORRUPT', /metadata "k" claims 8589934592/);
  refuses(build({ entries: [entry('k', list(2n ** 63n))] }), 'GGUF_CORRUPT', /metadata "k"/);
  const text = { type: 8, payload: pack('u64', 2 ** 40) };
  refuses(build({ entries: [entry('k', text)] }), 'GGUF_TRUNCATED', /metadata "k"/);
  const tokens = Buffer.concat([arr('string', ['a', 'b']).payload.subarray(0, -9), pack('u64', 99)]);
  refuses(build({ entries: [entry('k', { type: 9, payload: tokens })] }), 'GGUF_TRUNCATED', /metadata "k"/);
});

test('a length that a large file could hold is still not believed', { skip: process.platform === 'win32' }, () => {
  // A hole of 8 GiB: sparse, and it reads as zeros.
  const inHole = (bytes: Uint8Array, code: ErrorCode, message: RegExp): void => {
    writeFileSync(path, bytes);
    truncateSync(path, 2 ** 33);
    assert.throws(() => readHeader(path), engineError(code, message));
  };
  const list = (type: number, length: number): MetadataValue => ({
    type: 9,
    payload: Buffer.concat([pack('u32', type), pack('u64', length)]),
  });
  inHole(build({ entries: [entry('k', list(0, 2 ** 32))] }), 'GGUF_CORRUPT', /claims 4294967296 elements/);
  inHole(build({ entryCount: 2, entries: [entry('k', list(8, 2 ** 24))] }), 'GGUF_CORRUPT', /name of 0 bytes/);
  const text = { type: 8, payload: pack('u64', 2 ** 32) };
  inHole(build({ entries: [entry('k', text)] }), 'GGUF_CORRUPT', /metadata "k" takes 4294967296 bytes/);
  inHole(build({ entryCount: 2 ** 20 }), 'GGUF_CORRUPT', /name of 0 bytes/);
  inHole(build({ tensorCount: 2 ** 20 }), 'GGUF_CORRUPT', /name of 0 bytes/);
});

test('bad metadata entries are refused', () => {
  const one = u32(1);
  refuses(build({ entries: [entry('k', one), entry('k', one)] }), 'GGUF_CORRUPT', /metadata "k" twice/);
  refuses(build({ entries: [entry('', one)] }), 'GGUF_CORRUPT', /name of 0 bytes/);
  refuses(build({ entries: [entry('k'.repeat(2 ** 16), one)] }), 'GGUF_CORRUPT', /name of 65536 bytes/);
  refuses(build({ entries: [entry('k\x1b[2J', one)] }), 'GGUF_CORRUPT', /name with control characters/);
  refuses(build({ entries: [entry('k', { ...one, type: 13 })] }), 'GGUF_CORRUPT', /"k" has the unknown type 13/);
  const inner = (type: number): MetadataValue => ({
    type: 9,
    payload: Buffer.concat([pack('u32', type), pack('u64', 0)]),
  });
  refuses(build({ entries: [entry('k', inner(99))] }), 'GGUF_CORRUPT', /"k" has the unknown type 99/);
  refuses(build({ entries: [entry('k', inner(9))] }), 'GGUF_CORRUPT', /"k" is an array of arrays/);
});

test('alignment is a power of two', () => {
  const aligned = (value: MetadataValue): Uint8Array => build({ entries: [entry('general.alignment', value)] });
  for (const alignment of [0, 3, 48]) refuses(aligned(u32(alignment)), 'METADATA_INVALID', /not a power of two/);
  refuses(aligned(scalar('u64', 2 ** 50 + 1)), 'METADATA_INVALID', /not a power of two/);
  refuses(aligned(scalar('f32', 0.5)), 'METADATA_INVALID', /not a power of two/);
  refuses(aligned(str('32')), 'METADATA_INVALID', /is a string/);
  writeFileSync(path, aligned(u32(4096)));
  assert.equal(readHeader(path).alignment, 4096);
});

test('bad tensor descriptions are refused', () => {
  const shaped = (shape: readonly (number | bigint)[], type = 0): Uint8Array =>
    build({ tensors: [tensor('w', shape, type)], data: 4096 });
  refuses(shaped([]), 'GGUF_CORRUPT', /tensor w has 0 dimensions/);
  refuses(shaped([1, 1, 1, 1, 1]), 'GGUF_CORRUPT', /tensor w has 5 dimensions/);
  refuses(shaped([4, 0]), 'GGUF_CORRUPT', /tensor w has the shape \[4, 0\]/);
  refuses(shaped([2 ** 30, 2 ** 30]), 'GGUF_CORRUPT', /tensor w has the shape/);
  refuses(shaped([2n ** 63n]), 'GGUF_CORRUPT', /tensor w/);
  refuses(shaped([33], 2), 'GGUF_CORRUPT', /rows of 33 elements, but q4_0 comes in 32s/);
  refuses(shaped([32], 4), 'UNKNOWN_TENSOR_TYPE', /tensor w has type 4/);
  refuses(shaped([32], 2 ** 31), 'UNKNOWN_TENSOR_TYPE', /tensor w has type 2147483648/);
  refuses(build({ tensors: [tensor('', [1])], data: 4 }), 'GGUF_CORRUPT', /name of 0 bytes/);
  refuses(build({ tensors: [tensor('w'.repeat(64), [1])], data: 4 }), 'GGUF_CORRUPT', /name of 64 bytes/);
  const twice = [tensor('w', [1]), tensor('w', [1], 0, 32)];
  refuses(build({ tensors: twice, data: 64 }), 'GGUF_CORRUPT', /two tensors named w/);
});

test('tensor data lie aligned, apart and within the file', () => {
  const placed = (offset: number | bigint): Uint8Array =>
    build({ tensors: [tensor('v', [16]), tensor('w', [16], 0, offset)], data: 128 });
  writeFileSync(path, placed(64));
  const { weights, dataOffset } = readHeader(path);
  assert.deepEqual(weights.get('w')?.extent, { file: 0, offset: dataOffset + 64, length: 64 });
  refuses(placed(72), 'GGUF_CORRUPT', /tensor w begins at 72, which is not a multiple of 32/);
  refuses(placed(32), 'GGUF_CORRUPT', /tensors v and w overlap/);
  refuses(placed(0), 'GGUF_CORRUPT', /overlap/);
  refuses(placed(96), 'GGUF_TRUNCATED', /tensor w ends at byte/);
  refuses(placed(2 ** 52), 'GGUF_TRUNCATED', /tensor w ends at byte/);
  refuses(placed(2n ** 64n - 32n), 'GGUF_CORRUPT', /tensor w/);
});
