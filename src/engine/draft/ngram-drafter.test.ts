import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { guarded } from '../../../test/support/guarded.ts';
import { randomNumbers } from '../../../test/support/random.ts';
import { textBytes } from '../../runtime/text-bytes.ts';
import { NgramDrafter } from './ngram-drafter.ts';

/** A drafter that has read `tokens`. */
function after(tokens: readonly number[]): NgramDrafter {
  const drafter = new NgramDrafter();
  for (const token of tokens) drafter.accept(token);
  return drafter;
}

/** The proposal of a drafter that has read `tokens`. */
const proposedAfter = (tokens: readonly number[], most: number): readonly number[] => tokensOf(after(tokens), most);
const tokensOf = (drafter: NgramDrafter, most: number): readonly number[] =>
  drafter.propose(most).map(({ token }) => token);

const countTo = (end: number): readonly number[] => Array.from({ length: end }, (_, i) => i);

/** Bytes that the plan counts for a drafter that reads a text of so many tokens. */
const counted = (context: number): number => {
  const texts = { context, parallel: 1, draftModel: false };
  return textBytes({ ...texts, ahead: 1 }) - textBytes({ ...texts, ahead: 0 });
};

test('what followed the end of the text before is proposed', () => {
  assert.deepEqual(proposedAfter([1, 2, 3, 4, 5, 6, 9, 9, 8, 1, 2, 3], 4), [4, 5, 6, 9]);
  assert.deepEqual(proposedAfter([1, 2, 3, 4, 1, 2, 3], 1), [4]);
});

test('a text that is new has no proposals, nor has one that begins', () => {
  assert.deepEqual(proposedAfter(countTo(100), 5), []);
  for (const length of [0, 1, 2, 3]) assert.deepEqual(proposedAfter([7, 7, 7].slice(0, length), 5), []);
  assert.deepEqual(proposedAfter([1, 2, 3, 1, 2], 5), [], 'two tokens in a row say little');
  assert.deepEqual(proposedAfter([12, 3, 4, 1, 23, 4], 5), [], 'these are other tokens');
});

test('of places that are alike the one with the longest match counts', () => {
  const text = [5, 1, 2, 3, 40, 6, 1, 2, 3, 50, 7, 1, 2, 3, 60];
  assert.deepEqual(proposedAfter([...text, 5, 1, 2, 3], 1), [40]);
  assert.deepEqual(proposedAfter([...text, 6, 1, 2, 3], 1), [50]);
  assert.deepEqual(proposedAfter([...text, 7, 1, 2, 3], 1), [60]);
});

test('of matches that are equally long the latest counts', () => {
  const text = [5, 1, 2, 3, 40, 6, 1, 2, 3, 50];
  assert.deepEqual(proposedAfter([...text, 7, 1, 2, 3], 1), [50]);
  assert.deepEqual(proposedAfter([...text, 5, 1, 2, 3, 70, 5, 1, 2, 3], 1), [70]);
});

test('what repeats itself is expected to go on, as far as is asked for', () => {
  assert.deepEqual(proposedAfter([9, 4, 4, 4, 4], 6), [4, 4, 4, 4, 4, 4]);
  assert.deepEqual(proposedAfter([9, 1, 2, 3, 1, 2, 3, 1], 7), [2, 3, 1, 2, 3, 1, 2]);
  assert.deepEqual(proposedAfter([1, 2, 3, 4, 1, 2, 3], 6), [4, 1, 2, 3, 4, 1]);
});

test('what is proposed once is proposed again until the text goes on', () => {
  const drafter = after([1, 2, 3, 4, 5, 1, 2, 3]);
  assert.deepEqual(tokensOf(drafter, 2), tokensOf(drafter, 2));
  drafter.accept(4);
  assert.deepEqual(tokensOf(drafter, 2), [5, 1]);
  drafter.accept(6);
  assert.deepEqual(tokensOf(drafter, 2), []);
});

/**
 * The places whose next token may be proposed: those with the longest match, of three tokens to 32; the latest last.
 */
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
      const proposed = proposedAfter(text, most);
      const best = placesIn(text).at(-1);
      if (best === undefined) return assert.deepEqual(proposed, []);
      assert.equal(proposed.length, most);
      const whole = [...text, ...proposed];
      for (const [i, token] of proposed.entries()) assert.equal(token, whole[best + i]);
    }),
    { numRuns: 500 },
  );
});

test('a text of 100,000 tokens is read and asked about, whatever it is, in steps that do not grow with it', () => {
  const random = randomNumbers(1);
  const kinds: readonly (() => number)[] = [
    () => 7,
    () => Math.floor(50_000 * random()),
    () => Math.floor(50_000 ** random()),
    () => Math.floor(3 * random()),
  ];
  for (const next of kinds) {
    guarded(() => {
      const drafter = new NgramDrafter();
      for (let i = 0; i < 100_000; i += 1) drafter.accept(next());
      for (let i = 0; i < 2000; i += 1) {
        drafter.accept(next());
        assert.ok(drafter.propose(15).length <= 15);
      }
    });
  }
});

test('a drafter takes no more bytes than are counted for its text, however long that is, and knows its latest part', () => {
  const period = 40_000;
  const drafter = new NgramDrafter();
  for (let i = 0; i < 300_000; i += 1) {
    drafter.accept(i % period);
    if (i % 997 === 0) assert.ok(drafter.bytes <= counted(i + 1));
  }
  assert.equal(counted(2 ** 20), counted(2 ** 16));
  for (const token of [7, 8, 9, 7, 8, 9]) drafter.accept(token);
  assert.deepEqual(tokensOf(drafter, 3), [7, 8, 9]);
  assert.deepEqual(proposedAfter([...countTo(30_000), ...countTo(30_000), ...countTo(20_000)], 2), [20_000, 20_001]);
});

test('one that asks for a longer match proposes only where there is one', () => {
  const drafter = new NgramDrafter(5);
  for (const token of [1, 2, 3, 4, 5, 6, 9, 2, 3, 4]) drafter.accept(token);
  assert.deepEqual([drafter.hasMatch, tokensOf(drafter, 2)], [false, []]);
  for (const token of [8, 1, 2, 3, 4, 5]) drafter.accept(token);
  assert.deepEqual([drafter.hasMatch, tokensOf(drafter, 2)], [true, [6, 9]]);
});
