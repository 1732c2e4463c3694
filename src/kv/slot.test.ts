import assert from 'node:assert/strict';
import test from 'node:test';
import { bytesOf, filled, smallShape, textOf } from '../../test/support/slots.ts';
import { KvSlot } from './slot.ts';

const shape = smallShape(256);

test('whole batches of a prompt count as such, up to the first tokens that came in another way', () => {
  using slot = new KvSlot(shape);
  const steps = [64, 64, 9, 1, 1, 64].map((tokens) => {
    slot.store(textOf(1, tokens), 64);
    return [slot.tokens.length, slot.exact];
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

test('guesses are no batch of a prompt, however many they are', () => {
  using slot = new KvSlot(shape);
  slot.store(textOf(1, 64), 64);
  slot.store(textOf(2, 64));
  assert.deepEqual([slot.tokens.length, slot.exact], [128, 64]);
});

test('a slot that forgets its last tokens may go on with others', () => {
  using slot = new KvSlot(shape);
  slot.store(textOf(1, 64), 64);
  slot.store([7], 64);
  slot.keep(100);
  assert.deepEqual([slot.tokens.length, slot.exact], [65, 64]);
  slot.keep(64);
  assert.deepEqual([slot.tokens.length, slot.exact], [64, 64]);
  slot.store(textOf(2, 64), 64);
  assert.equal(slot.exact, 128);
  slot.keep(40);
  assert.deepEqual([[...slot.tokens], slot.exact], [textOf(1, 40), 40]);
});

test('a pass that failed may have taken the rows of tokens in a ring, until all of them are forgotten', () => {
  using slot = new KvSlot({ ...shape, context: 10_000, windows: [{ tokens: 200, sinks: 4 }, null], pass: 256 });
  assert.equal(slot.kv.layers[0]?.rows.ring, 512);
  for (let i = 0; i < 6; i += 1) slot.store(textOf(i, 200));
  assert.deepEqual([slot.canTrim(886), slot.canTrim(887)], [false, true]);
  slot.expect(256);
  assert.deepEqual([slot.canTrim(1142), slot.canTrim(1143)], [false, true]);
  slot.keep(1150);
  slot.expect(1);
  assert.ok(!slot.canTrim(1142));
  slot.keep(0);
  slot.expect(100);
  assert.deepEqual([slot.written, slot.canTrim(50)], [100, true]);
});

test('the keys and values of the first tokens are those bytes of every head of every layer, in place', () => {
  using slot = filled(shape, textOf(1, 100));
  const [whole, some] = [bytesOf(slot, 100), bytesOf(slot, 30)];
  assert.equal(some.length, 2 * shape.kvHeads * shape.layers);
  for (const [area, bytes] of some.entries()) {
    assert.equal(bytes.length, ((whole[area]?.length ?? 0) * 30) / 100);
    assert.deepEqual(bytes, whole[area]?.subarray(0, bytes.length));
    bytes[0] = 99;
    assert.equal(whole[area]?.[0], 99);
  }
});

test('a slot holds as many tokens as the longest contexts have', () => {
  const context = 2 ** 18;
  using slot = new KvSlot({ layers: 1, kvHeads: 1, keyLength: 1, valueLength: 1, context, type: 'f16' });
  slot.hold(
    Array.from({ length: context }, (_, i) => i),
    128,
  );
  assert.deepEqual([slot.tokens.length, slot.tokens.at(-1), slot.exact], [context, context - 1, 128]);
});
