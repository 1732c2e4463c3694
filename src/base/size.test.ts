import assert from 'node:assert/strict';
import test from 'node:test';
import { engineError } from '../../test/support/engine-error.ts';
import { parseBytes } from './size.ts';

test('sizes are read with binary units, decimals and plain bytes', () => {
  assert.equal(parseBytes('8G'), 8 * 2 ** 30);
  assert.equal(parseBytes('1.5GiB'), 1.5 * 2 ** 30);
  assert.equal(parseBytes(' 512 m '), 512 * 2 ** 20);
  assert.equal(parseBytes('4194304'), 4 * 2 ** 20);
  assert.equal(parseBytes('2kb'), 2048);
});

test('what is not a size is refused with a code', () => {
  for (const text of ['', 'G', '-1G', '0', '1e9', '12X', '8 GG', 'NaN', '99999999999999999T']) {
    assert.throws(() => parseBytes(text), engineError('BAD_SIZE'), text);
  }
});

test('a file of a model, which other programs want here, is told where it belongs', () => {
  assert.throws(() => parseBytes('models/a.gguf'), /-m is the memory budget/);
});

test('a bare number that is too small to be bytes is asked about', () => {
  for (const [text, meant] of [
    ['8', '8G'],
    ['1.5', '1.5G'],
    ['512', '512M'],
    ['2048', '2048M'],
  ] as const) {
    assert.throws(() => parseBytes(text), engineError('BAD_SIZE', `did you mean ${meant}?`), text);
  }
});
