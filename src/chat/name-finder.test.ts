import assert from 'node:assert/strict';
import test from 'node:test';
import { NameFinder } from './name-finder.ts';

const found = (names: readonly string[], text: string): readonly string[] =>
  [...new NameFinder(names).find(text)].map(({ name, index }) => `${index}${name}`);

test('names are found in their order, the longest where several begin alike', () => {
  assert.deepEqual(found(['<a>', '<a><b>', '[x]'], '[x] <a><b><a>'), ['0[x]', '4<a><b>', '10<a>']);
});

test('names do not overlap, and a name that breaks off is none', () => {
  assert.deepEqual(found(['<<>', '<>>'], '<<>>'), ['0<<>']);
  assert.deepEqual(found(['<a>'], '<a<a>'), ['2<a>']);
});

test('without names nothing is found, and thousands are no trouble', () => {
  assert.deepEqual(found([], '<a>'), []);
  const many = Array.from({ length: 100_000 }, (_, i) => `<|${i}|>`);
  assert.deepEqual(found(many, 'a<|99999|>b'), ['1<|99999|>']);
});
