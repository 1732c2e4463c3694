import assert from 'node:assert/strict';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { arr, bool, f32, type MetadataValue, scalar, str, u32, u64, writeGguf } from '../../bench/gguf-writer.ts';
import { engineError } from '../../test/support/engine-error.ts';
import { sharedPath } from '../../test/support/temp-folder.ts';
import type { ErrorCode } from '../base/error-details.ts';
import { readHeader } from './header.ts';
import type { Metadata } from './metadata.ts';
import type { Scalar, ScalarType } from './values.ts';

const path = sharedPath('model.gguf');

const open = (metadata: Readonly<Record<string, MetadataValue>>): Metadata => {
  writeGguf(path, { metadata, tensors: [] });
  return readHeader(path).metadata;
};

const fails = (action: () => unknown, code: ErrorCode, message: RegExp): void => {
  assert.throws(action, engineError(code, message));
};

const values: Readonly<Record<ScalarType, fc.Arbitrary<Scalar>>> = {
  u8: fc.integer({ min: 0, max: 2 ** 8 - 1 }),
  i8: fc.integer({ min: -(2 ** 7), max: 2 ** 7 - 1 }),
  u16: fc.integer({ min: 0, max: 2 ** 16 - 1 }),
  i16: fc.integer({ min: -(2 ** 15), max: 2 ** 15 - 1 }),
  u32: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  i32: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  f32: fc.float(),
  bool: fc.boolean(),
  string: fc.string({ unit: 'binary', maxLength: 2000, size: 'max' }),
  u64: fc.maxSafeNat(),
  i64: fc.maxSafeInteger(),
  f64: fc.double(),
};

const types = Object.keys(values) as ScalarType[];
const anyScalar = fc.constantFrom(...types).chain((type) => values[type].map((value) => ({ type, value })));
const anyArray = fc
  .constantFrom(...types)
  .chain((type) => fc.array(values[type], { maxLength: 20 }).map((list) => ({ type, list })));

const readArray = (metadata: Metadata, key: string, type: ScalarType): readonly Scalar[] => {
  if (type === 'string') return metadata.strings(key);
  return type === 'bool' ? metadata.booleans(key) : metadata.numbers(key);
};

test('what is written is read back, in order', () => {
  const key = fc.string({ minLength: 1 });
  const entries = fc.uniqueArray(fc.tuple(key, fc.oneof(anyScalar, anyArray)), { selector: ([k]) => `key.${k}` });
  fc.assert(
    fc.property(entries, (list) => {
      const metadata = open(
        Object.fromEntries(
          list.map(([k, v]) => [`key.${k}`, 'list' in v ? arr(v.type, v.list) : scalar(v.type, v.value)]),
        ),
      );
      assert.deepEqual(
        metadata.keys(),
        list.map(([k]) => `key.${k}`),
      );
      for (const [k, v] of list) {
        const name = `key.${k}`;
        if ('value' in v) assert.deepEqual(metadata.raw(name), v.value);
        else {
          assert.deepEqual(metadata.raw(name), { type: v.type, length: v.list.length });
          assert.deepEqual(readArray(metadata, name, v.type), v.list);
          assert.deepEqual(metadata.values(name), v.list);
        }
      }
    }),
    { seed: 1, numRuns: 200 },
  );
});

test('a missing key is an error that names it, unless there is a fallback', () => {
  const metadata = open({});
  for (const get of ['string', 'number', 'boolean', 'numbers', 'strings', 'booleans', 'arrayLength'] as const) {
    fails(() => metadata[get]('llama.block_count'), 'METADATA_MISSING', /model\.gguf has no "llama\.block_count"/);
    assert.equal(metadata[get]('llama.block_count', undefined), undefined);
  }
  fails(() => metadata.raw('x'), 'METADATA_MISSING', /"x"/);
  assert.equal(metadata.number('x', 8), 8);
  assert.equal(metadata.has('x'), false);
  assert.equal(metadata.isArray('x'), false);
});

test('a value of another type is an error that shows both, even where there is a fallback', () => {
  const metadata = open({ name: str('a'), count: u32(3), flag: bool(true), list: arr('f32', [1, 2]) });
  fails(() => metadata.number('name', 1), 'METADATA_INVALID', /"name" is a string, not a finite number/);
  fails(() => metadata.string('count'), 'METADATA_INVALID', /"count" is 3 \(u32\), not a string/);
  fails(() => metadata.boolean('count'), 'METADATA_INVALID', /not a boolean/);
  fails(() => metadata.number('list'), 'METADATA_INVALID', /"list" is an array of 2 f32/);
  fails(() => metadata.strings('list'), 'METADATA_INVALID', /not an array of strings/);
  fails(() => metadata.numbers('flag'), 'METADATA_INVALID', /"flag" is true \(bool\), not an array/);
  fails(() => metadata.arrayLength('count'), 'METADATA_INVALID', /not an array/);
});

test('numbers that cannot be used are refused, but can be shown', () => {
  const metadata = open({ large: u64(2n ** 63n), larges: arr('u64', [1, 2n ** 53n]), endless: f32(Infinity) });
  assert.equal(metadata.raw('large'), 2n ** 63n);
  fails(() => metadata.number('large'), 'METADATA_INVALID', /9223372036854775808/);
  fails(() => metadata.numbers('larges'), 'METADATA_INVALID', /within 2\^53/);
  fails(() => metadata.number('endless'), 'METADATA_INVALID', /Infinity/);
});

test('arrays and long strings stay in the file until they are asked for', () => {
  const metadata = open({
    tokens: arr('string', ['before', 'between']),
    template: str(`before${' '.repeat(2000)}`),
    short: str('before'),
  });
  const bytes = readFileSync(path);
  for (let at = bytes.indexOf('before'); at >= 0; at = bytes.indexOf('before', at)) bytes.write('after!', at);
  writeFileSync(path, bytes);
  assert.deepEqual(metadata.strings('tokens'), ['after!', 'between']);
  assert.equal(metadata.string('template').trim(), 'after!');
  assert.equal(metadata.string('short'), 'before');
  truncateSync(path, 40);
  fails(() => metadata.strings('tokens'), 'GGUF_TRUNCATED', /metadata "tokens"/);
});

test('a vocabulary of 200 thousand tokens costs no memory when its file is opened', () => {
  const tokens = Array.from({ length: 200_000 }, (_, i) => `token number ${i}`);
  writeGguf(path, { metadata: { tokens: arr('string', tokens), name: str('last') }, tensors: [] });
  // Only memory in use counts, not garbage that happens to be collected late.
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const used = (): number => {
    collect();
    return process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
  };
  const before = used();
  const { metadata } = readHeader(path);
  const kept = used() - before;
  assert.ok(kept < 2 ** 20, `${kept} bytes`);
  assert.equal(metadata.arrayLength('tokens'), tokens.length);
  assert.equal(metadata.string('name'), 'last');
  assert.deepEqual(metadata.strings('tokens'), tokens);
});

test('a boolean is 0 or 1', () => {
  const bytes = (value: MetadataValue): MetadataValue => ({
    ...value,
    payload: value.payload.with(value.payload.length - 1, 2),
  });
  fails(() => open({ flag: bytes(bool(true)) }), 'GGUF_CORRUPT', /metadata "flag" has a boolean of 2/);
  const metadata = open({ flags: bytes(arr('bool', [true, false])) });
  fails(() => metadata.booleans('flags'), 'GGUF_CORRUPT', /"flags" has a boolean of 2/);
});
