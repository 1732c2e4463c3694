import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {
  anyText,
  assertHolds,
  fill,
  filled,
  kvCache,
  quantizedShape,
  smallShape,
  textOf,
} from '../../test/support/caches.ts';
import { nextHash, RecurrentStates } from '../../test/support/recurrent-state.ts';
import { pageBytes } from '../ggml/system.ts';
import { minSavedTokens } from './prefix.ts';
import { PrefixMemory } from './prefix-memory.ts';
import { SequenceCache } from './sequence-cache.ts';

const context = 128;
const shape = smallShape(context);
/** Bytes of a text of 40 tokens. */
const page = pageBytes;

/** Keeps a text in `memory`. */
async function keep(memory: PrefixMemory, tokens: readonly number[], exact = 0): Promise<void> {
  using cache = filled(shape, tokens, exact);
  await memory.save(cache);
}

/** The number of tokens of a text that are found. */
const found = (memory: PrefixMemory, tokens: readonly number[]): number => memory.longestMatch(tokens)?.length ?? 0;

test('what was kept comes back as it was, as a whole or in part, to any cache', async () => {
  using memory = new PrefixMemory(4 * page);
  const text = textOf(1, 90);
  await keep(memory, text, 64);
  using cache = filled(shape, textOf(2, 128), 128);
  for (const [asked, length] of [
    [text, 90],
    [[...text.slice(0, 70), 5], 70],
    [text.slice(0, 33), 33],
  ] as const) {
    const copy = memory.longestMatch(asked) ?? assert.fail();
    assert.equal(copy.length, length);
    for (const count of [length, length >> 1, 0]) {
      fill(cache, textOf(3, 128), 128);
      assert.equal(await copy.restore(cache, count), true);
      assertHolds(cache, text.slice(0, count));
      assert.equal(cache.exact, Math.min(64, count));
    }
  }
});

test('quantized keys and values come back as they were, as a whole or in part', async () => {
  for (const type of ['q8_0', 'q4_0'] as const) {
    using memory = new PrefixMemory(4 * page);
    const quantized = quantizedShape(context, type);
    using kept = filled(quantized, textOf(1, 60));
    await memory.save(kept);
    for (const count of [60, 33]) {
      using cache = filled(quantized, textOf(2, context));
      assert.equal(await memory.longestMatch(textOf(1, 60))?.restore(cache, count), true);
      assertHolds(cache, textOf(1, count));
    }
  }
});

test('a copy is no part of the cache that it was made of', async () => {
  using memory = new PrefixMemory(4 * page);
  using cache = filled(shape, textOf(1, 60));
  await memory.save(cache);
  assertHolds(cache, textOf(1, 60));
  fill(cache, textOf(2, 60));
  await memory.longestMatch(textOf(1, 60))?.restore(cache, 60);
  assertHolds(cache, textOf(1, 60));
});

test('whatever is kept, it takes no more than its room, and what is found is right', async () => {
  using cache = kvCache(shape);
  const anyCall = fc.record({
    text: anyText(context),
    keep: fc.boolean(),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  await fc.assert(
    fc.asyncProperty(fc.nat(5 * page), fc.array(anyCall, { maxLength: 30 }), async (capacity, calls) => {
      using memory = new PrefixMemory(capacity);
      for (const { text, keep, share } of calls) {
        if (keep) {
          fill(cache, text, text.length - (text.length % 16));
          await memory.save(cache);
          assertHolds(cache, text);
        } else {
          const copy = memory.longestMatch(text);
          if (!copy) continue;
          const count = Math.floor(share * copy.length);
          assert.equal(await copy.restore(cache, count), true);
          assertHolds(cache, text.slice(0, count));
          assert.ok(cache.exact <= count);
        }
        assert.ok(memory.bytes <= capacity, `${memory.bytes} of ${capacity}`);
      }
    }),
  );
});

test('the text that was not used for longest makes room', async () => {
  using memory = new PrefixMemory(3 * page);
  for (const seed of [1, 2, 3]) await keep(memory, textOf(seed, 40));
  using cache = kvCache(shape);
  await memory.longestMatch(textOf(1, 40))?.restore(cache, 40);
  await keep(memory, textOf(4, 40));
  assert.deepEqual(
    [1, 2, 3, 4].map((seed) => found(memory, textOf(seed, 40))),
    [40, 0, 40, 40],
  );
});

test('a text takes the place of those that it goes on from, and is not kept twice', async () => {
  using memory = new PrefixMemory(4 * page);
  await keep(memory, textOf(1, 40));
  await keep(memory, textOf(1, 50));
  await keep(memory, textOf(1, 50));
  await keep(memory, textOf(1, 45));
  assert.equal(memory.bytes, page);
  assert.equal(found(memory, textOf(1, 128)), 50);
  await keep(memory, [...textOf(1, 45), 5, 5, 5]);
  assert.equal(memory.bytes, 2 * page, 'one that goes another way is kept beside it');
});

test('texts too short to be worth it, or too long for the room, are not kept and displace nothing', async () => {
  using memory = new PrefixMemory(page);
  await keep(memory, textOf(1, 40));
  await keep(memory, textOf(2, minSavedTokens - 1));
  using cache = filled(smallShape(3000), textOf(3, 3000));
  await memory.save(cache);
  assert.deepEqual(
    [1, 2, 3].map((seed) => found(memory, textOf(seed, 40))),
    [40, 0, 0],
  );
  using none = new PrefixMemory(0);
  await keep(none, textOf(1, 40));
  assert.equal(none.bytes, 0);
});

test('a copy that lost its room after it was found is not restored, and leaves the cache as it is', async () => {
  using memory = new PrefixMemory(page);
  await keep(memory, textOf(1, 40));
  const copy = memory.longestMatch(textOf(1, 40)) ?? assert.fail();
  await keep(memory, textOf(2, 40));
  using cache = filled(shape, textOf(3, 50));
  assert.equal(await copy.restore(cache, 40), false);
  assertHolds(cache, textOf(3, 50));
  assert.ok(memory.bytes <= page);
});

test('what was found is not what makes room for the next text', async () => {
  using memory = new PrefixMemory(2 * page);
  for (const seed of [1, 2]) await keep(memory, textOf(seed, 40));
  const copy = memory.longestMatch(textOf(1, 40)) ?? assert.fail();
  await keep(memory, textOf(3, 40));
  using cache = kvCache(shape);
  assert.equal(await copy.restore(cache, 40), true);
  assertHolds(cache, textOf(1, 40));
  assert.equal(found(memory, textOf(2, 40)), 0);
});

test('memory that the system refuses is done without', async () => {
  using memory = new PrefixMemory(2 ** 52);
  using cache = filled(shape, textOf(1, 40));
  // Pieces that come to more than an address space.
  Object.defineProperty(cache, 'pieces', { value: () => [{ length: 2 ** 51 }] });
  await memory.save(cache);
  assert.equal(memory.bytes, 0);
});

test('of a text whose state cannot be cut, every part that was kept is found, and no other', async () => {
  using memory = new PrefixMemory(2 ** 20);
  const text = textOf(1, 60);
  for (const lengths of [
    [40, 60],
    [60, 33],
  ]) {
    for (const length of lengths) {
      const states = new RecurrentStates(shape);
      using cache = new SequenceCache(states);
      for (const token of text.slice(0, length)) states.recurrent.step(token);
      cache.store(text.slice(0, length));
      await memory.save(cache);
    }
  }
  for (const [asked, found] of [
    [60, 60],
    [59, 40],
    [39, 33],
    [32, undefined],
  ] as const) {
    const states = new RecurrentStates(shape);
    using cache = new SequenceCache(states);
    const match = memory.longestMatch(text.slice(0, asked), (common, stored) => cache.reachable(common, stored));
    assert.equal(match?.length, found, `of ${asked} tokens`);
    if (!match) continue;
    assert.ok(await match.restore(cache, match.length));
    assert.equal(states.recurrent.hash, text.slice(0, found).reduce(nextHash, 0));
  }
});
