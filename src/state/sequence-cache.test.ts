import assert from 'node:assert/strict';
import test from 'node:test';
import { filled, kvCache, smallShape, storedBytes, textOf } from '../../test/support/caches.ts';
import { RecurrentStates } from '../../test/support/recurrent-state.ts';
import { KvStore } from './kv-store.ts';
import { SequenceCache } from './sequence-cache.ts';

const shape = smallShape(256);

test('whole batches of a prompt count as such, up to the first tokens that came in another way', () => {
  using cache = kvCache(shape);
  const steps = [64, 64, 9, 1, 1, 64].map((tokens) => {
    cache.store(textOf(1, tokens), 64);
    return [cache.tokens.length, cache.exact];
  });
  assert.deepEqual(steps, [
    [64, 64],
    [128, 128],
    [137, 128],
    [138, 128],
    [139, 128],
    [203, 128],
  ]);
});

test('drafts are no batch of a prompt, however many they are', () => {
  using cache = kvCache(shape);
  cache.store(textOf(1, 64), 64);
  cache.store(textOf(2, 64));
  assert.deepEqual([cache.tokens.length, cache.exact], [128, 64]);
});

test('a cache that forgets its last tokens may go on with others', () => {
  using cache = kvCache(shape);
  cache.store(textOf(1, 64), 64);
  cache.store([7], 64);
  cache.truncate(100);
  assert.deepEqual([cache.tokens.length, cache.exact], [65, 64]);
  cache.truncate(64);
  assert.deepEqual([cache.tokens.length, cache.exact], [64, 64]);
  cache.store(textOf(2, 64), 64);
  assert.equal(cache.exact, 128);
  cache.truncate(40);
  assert.deepEqual([[...cache.tokens], cache.exact], [textOf(1, 40), 40]);
});

test('a pass that failed may have taken the rows of tokens in a ring, until all of them are forgotten', () => {
  using cache = kvCache({ ...shape, context: 10_000, windows: [{ tokens: 200, sinks: 4 }, null], pass: 256 });
  assert.equal(KvStore.of(cache.state).layers[0]?.rows.ring, 512);
  for (let i = 0; i < 6; i += 1) cache.store(textOf(i, 200));
  assert.deepEqual([cache.reachable(886), cache.reachable(887)], [0, 887]);
  cache.begin(256);
  assert.deepEqual([cache.reachable(1142), cache.reachable(1143)], [0, 1143]);
  cache.truncate(1150);
  cache.begin(1);
  assert.equal(cache.reachable(1142), 0);
  cache.truncate(0);
  cache.begin(100);
  assert.deepEqual([cache.written, cache.reachable(50)], [100, 50]);
});

test('a text is taken back to where all layers can go, however far they can go by themselves', () => {
  const windows = [{ tokens: 200, sinks: 4 }, null];
  for (const [saved, reached] of [
    [900, 900],
    [880, 0],
  ] as const) {
    const states = new RecurrentStates({ ...shape, context: 10_000, windows, pass: 256 });
    const state = states.recurrent;
    using cache = new SequenceCache(states);
    const store = (length: number): void => {
      const tokens = textOf(1, length).slice(cache.tokens.length);
      cache.begin(tokens.length);
      for (const token of tokens) state.step(token);
      cache.store(tokens);
    };
    store(saved);
    cache.snapshot();
    store(1200);
    assert.deepEqual([cache.reachable(1199), cache.reachable(saved - 1), cache.reachable(1200)], [reached, 0, 1200]);
    assert.equal(cache.truncate(1000), reached);
    assert.deepEqual([cache.tokens.length, state.position], [reached, reached]);
  }
});

test('the keys and values of the first tokens are those bytes of every head of every layer, in place', () => {
  using cache = filled(shape, textOf(1, 100));
  const [whole, some] = [storedBytes(cache, 100), storedBytes(cache, 30)];
  assert.equal(some.length, 2 * shape.kvHeads * shape.layers);
  for (const [area, bytes] of some.entries()) {
    assert.equal(bytes.length, ((whole[area]?.length ?? 0) * 30) / 100);
    assert.deepEqual(bytes, whole[area]?.subarray(0, bytes.length));
    bytes[0] = 99;
    assert.equal(whole[area]?.[0], 99);
  }
});

test('a cache holds as many tokens as the longest contexts have', () => {
  const context = 2 ** 18;
  using cache = kvCache({ layers: 1, kvHeads: 1, keyLength: 1, valueLength: 1, context, type: 'f16' });
  cache.assign(
    Array.from({ length: context }, (_, i) => i),
    128,
  );
  assert.deepEqual([cache.tokens.length, cache.tokens.at(-1), cache.exact], [context, context - 1, 128]);
});
