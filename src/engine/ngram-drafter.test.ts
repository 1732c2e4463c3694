import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { randomNumbers } from '../../test/support/random.ts';
import { NgramDrafter } from './ngram-drafter.ts';

/** A drafter that has read `tokens`. */
function after(tokens: readonly number[]): NgramDrafter {
  const drafter = new NgramDrafter();
  for (const token of tokens) drafter.accept(token);
  return drafter;
}

const countTo = (end: number): readonly number[] => Array.from({ length: end }, (_, i) => i);

test('what followed the end of the text before is proposed', () => {
  assert.deepEqual(after([1, 2, 3, 4, 5, 6, 9, 9, 8, 1, 2, 3]).propose(4), [4, 5, 6, 9]);
  assert.deepEqual(after([1, 2, 3, 4, 1, 2, 3]).propose(1), [4]);
});

test('a text that is new has no proposals, nor has one that begins', () => {
  assert.deepEqual(after(countTo(100)).propose(5), []);
  for (const length of [0, 1, 2, 3]) assert.deepEqual(after([7, 7, 7].slice(0, length)).propose(5), []);
  assert.deepEqual(after([1, 2, 3, 1, 2]).propose(5), [], 'two tokens in a row say little');
  assert.deepEqual(after([12, 3, 4, 1, 23, 4]).propose(5), [], 'these are other tokens');
});

test('of places that are alike the one with the longest match counts', () => {
  const text = [5, 1, 2, 3, 40, 6, 1, 2, 3, 50, 7, 1, 2, 3, 60];
  assert.deepEqual(after([...text, 5, 1, 2, 3]).propose(1), [40]);
  assert.deepEqual(after([...text, 6, 1, 2, 3]).propose(1), [50]);
  assert.deepEqual(after([...text, 7, 1, 2, 3]).propose(1), [60]);
});

test('of matches that are equally long the latest counts', () => {
  const text = [5, 1, 2, 3, 40, 6, 1, 2, 3, 50];
  assert.deepEqual(after([...text, 7, 1, 2, 3]).propose(1), [50]);
  assert.deepEqual(after([...text, 5, 1, 2, 3, 70, 5, 1, 2, 3]).propose(1), [70]);
});

test('what repeats itself is expected to go on, as far as is asked for', () => {
  assert.deepEqual(after([9, 4, 4, 4, 4]).propose(6), [4, 4, 4, 4, 4, 4]);
  assert.deepEqual(after([9, 1, 2, 3, 1, 2, 3, 1]).propose(7), [2, 3, 1, 2, 3, 1, 2]);
  assert.deepEqual(after([1, 2, 3, 4, 1, 2, 3]).propose(6), [4, 1, 2, 3, 4, 1]);
});

test('what is proposed once is proposed again until the text goes on', () => {
  const drafter = after([1, 2, 3, 4, 5, 1, 2, 3]);
  assert.deepEqual(drafter.propose(2), drafter.propose(2));
  drafter.accept(4);
  assert.deepEqual(drafter.propose(2), [5, 1]);
  drafter.accept(6);
  assert.deepEqual(drafter.propose(2), []);
});

/** The places whose next token may be proposed: those with the longest match, of three tokens to 32; the latest last. */
function placesIn(text: readonly number[]): readonly number[] {
  const sameBefore = (end: number): number => {
    let same = 0;
    while (same < Math.min(32, end) && text[end - 1 - same] === text[text.length - 1 - same]) same += 1;
    return same;
  };
  const places = countTo(text.length).filter((end) => sameBefore(end) >= 3);
  const longest = Math.max(...places.slice(-8).map(sameBefore));
  return places.slice(-8).filter((end) => sameBefore(end) === longest);
}

test('for any text, what is proposed followed the latest of the longest matches, and is never more than asked for', () => {
  const anyText = fc.integer({ min: 1, max: 4 }).chain((kinds) => fc.array(fc.nat(kinds), { maxLength: 80 }));
  fc.assert(
    fc.property(anyText, fc.nat(20), (text, most) => {
      const proposed = after(text).propose(most);
      const best = placesIn(text).at(-1);
      if (best === undefined) return assert.deepEqual(proposed, []);
      assert.equal(proposed.length, most);
      const whole = [...text, ...proposed];
      for (const [i, token] of proposed.entries()) assert.equal(token, whole[best + i]);
    }),
    { numRuns: 500 },
  );
});

test('a text of 100,000 tokens is read and asked about in less than a second, whatever it is', () => {
  const random = randomNumbers(1);
  const kinds: readonly (() => number)[] = [
    () => 7,
    () => Math.floor(50_000 * random()),
    () => Math.floor(50_000 ** random()),
    () => Math.floor(3 * random()),
  ];
  for (const next of kinds) {
    const began = performance.now();
    const drafter = new NgramDrafter();
    for (let i = 0; i < 100_000; i += 1) drafter.accept(next());
    for (let i = 0; i < 2000; i += 1) {
      drafter.accept(next());
      assert.ok(drafter.propose(15).length <= 15);
    }
    const seconds = (performance.now() - began) / 1000;
    assert.ok(seconds < 1, `${seconds} s`);
  }
});
