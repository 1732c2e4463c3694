import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import * as z from 'zod';
import { listOf, tokenList } from './lists.ts';

test('a list is what its elements are, or the first of them that is something else', () => {
  const list = listOf(z.looseObject({ text: z.string().transform((text) => text.length) }));
  const element = fc.oneof(
    { weight: 5, arbitrary: fc.record({ text: fc.string() }) },
    { weight: 1, arbitrary: fc.record({ text: fc.nat() }) },
  );
  fc.assert(
    fc.property(fc.array(element), (values) => {
      const { data, error } = list.safeParse(values);
      const wrong = values.findIndex(({ text }) => typeof text !== 'string');
      if (wrong < 0)
        assert.deepEqual(
          data,
          values.map(({ text }) => ({ text: `${text}`.length })),
        );
      else
        assert.deepEqual(
          error?.issues.map(({ path }) => path),
          [[wrong, 'text']],
        );
    }),
  );
  assert.match(list.safeParse('x').error?.issues[0]?.message ?? '', /array/);
});

test('a list of tokens is the one that was given', () => {
  const tokens = Array.from({ length: 1000 }, (_, i) => i);
  assert.equal(tokenList().parse(tokens), tokens);
  for (const wrong of [-1, 0.5, '1', null, 2 ** 53]) {
    const { error } = tokenList().safeParse([1, wrong, wrong]);
    assert.deepEqual(
      error?.issues.map(({ path }) => path),
      [[1]],
    );
  }
  assert.ok(tokenList().safeParse({ length: 0 }).error);
});

test('a list may be too short or too long', () => {
  for (const list of [tokenList({ least: 1, most: 2 }), listOf(z.int(), { least: 1, most: 2 })]) {
    const lengths = [[], [1], [1, 2], [1, 2, 3]].map((values) => list.safeParse(values).success);
    assert.deepEqual(lengths, [false, true, true, false]);
  }
});
