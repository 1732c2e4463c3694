import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { partsOf } from './parts.ts';

const longest = 2048;

test('a text of short lines stays whole, whatever its length', () => {
  const text = 'some words in a line\n'.repeat(1000);
  assert.deepEqual(partsOf(text), [text]);
});

test('a long line is cut after words', () => {
  const parts = partsOf('short\n'.concat('eleven char '.repeat(1000), '\nshort again'));
  assert.ok(parts.length > 1);
  for (const part of parts.slice(1)) assert.match(part, /^ /);
});

test('a long line without spaces is cut before punctuation of its script', () => {
  const parts = partsOf('今天天气很好，'.repeat(1000));
  assert.ok(parts.length > 1);
  for (const part of parts.slice(1)) assert.match(part, /^，/);
});

test('the name of a control token is not cut', () => {
  for (let before = longest - 40; before < longest + 4; before++) {
    const parts = partsOf(`${'x'.repeat(before)}<|im_end|>\n<|im_start|>assistant\n${'y'.repeat(longest)}`);
    assert.equal(parts.filter((part) => part.includes('<|im_end|>')).length, 1, String(before));
  }
});

test('the parts make up the text, and none holds an unbroken run that is too long or half a character', () => {
  const run = fc.tuple(
    fc.constantFrom('a', ' ', '\n', '7', '!', '中', '😀', "it's ", 'word ', '<|im_end|>', 'é', 'a\n'),
    fc.integer({ min: 1, max: 3000 }),
  );
  fc.assert(
    fc.property(fc.array(run, { maxLength: 5 }), (runs) => {
      const text = runs.map(([one, times]) => one.repeat(times)).join('');
      const parts = partsOf(text);
      assert.equal(parts.join(''), text);
      for (const part of parts) {
        assert.equal(Buffer.from(part).toString(), part);
        for (const line of part.split(/(?<=\n)(?=\p{L})/u)) assert.ok(line.length <= longest);
      }
    }),
  );
});
