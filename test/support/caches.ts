import assert from 'node:assert/strict';
import fc from 'fast-check';
import { at } from '../../src/base/at.ts';
import type { KvShape } from '../../src/state/kv-shape.ts';
import { type KvFile, KvStore } from '../../src/state/kv-store.ts';
import { mostPieceBytes, type StatePiece } from '../../src/state/layer-state.ts';
import { SequenceCache } from '../../src/state/sequence-cache.ts';
import { someMemory } from './tensors.ts';

/** Two layers of two heads: 48 bytes per token. */
export const smallShape = (context: number): KvShape => ({
  layers: 2,
  kvHeads: 2,
  keyLength: 4,
  valueLength: 2,
  context,
  type: 'f16',
});

/** Two layers of one head that is one block: 136 bytes per token as q8_0. */
export const quantizedShape = (context: number, type: KvShape['type']): KvShape => ({
  ...smallShape(context),
  kvHeads: 1,
  keyLength: 32,
  valueLength: 32,
  type,
});

/** An empty cache of keys and values. */
export const kvCache = (shape: KvShape, file?: KvFile): SequenceCache =>
  new SequenceCache(KvStore.allocate(shape, someMemory, file));

/** The text of a cache as one piece that is too long to be copied on its way to a file. */
export const inOnePiece = (cache: SequenceCache): SequenceCache =>
  Object.create(cache, {
    state: { value: cache.state },
    tokens: { value: cache.tokens },
    pieces: {
      value: () => [{ layer: 0, part: 'state', index: 1, offset: 0, length: mostPieceBytes + 1, needed: 1 }],
    },
    read: { value: () => assert.fail('it was copied') },
  });

/** The bytes of the first `tokens` tokens, in pieces, shared. */
export const storedBytes = (cache: SequenceCache, tokens: number): readonly Uint8Array[] =>
  cache.pieces(tokens).map((piece) => sharedView(cache, piece));

/** The bytes of a piece of keys and values in memory, shared. */
export const sharedView = (cache: SequenceCache, piece: StatePiece): Uint8Array =>
  at(KvStore.of(cache.state).layers, piece.layer).view(piece);

/** The keys or values (by area) of each of `tokens`: other bytes for each text that leads up to it. */
function* rows(tokens: readonly number[], area: number, bytes: number): Generator<Uint8Array> {
  let text = area + 1;
  for (const token of tokens) {
    text = Math.imul(text ^ (token + 1), 0x9e3779b1);
    text ^= text >>> 15;
    yield Uint8Array.from({ length: bytes }, (_, i) => text >>> (i % 24));
  }
}

/** Gives `cache` the tokens, with keys and values that could be those of no other text. */
export function fill(cache: SequenceCache, tokens: readonly number[], exact = 0): void {
  cache.assign(tokens, exact);
  for (const [area, bytes] of storedBytes(cache, tokens.length).entries()) {
    const rowBytes = bytes.length / Math.max(1, tokens.length);
    let at = 0;
    for (const row of rows(tokens, area, rowBytes)) {
      bytes.set(row, at);
      at += rowBytes;
    }
  }
}

/** A cache that was filled. */
export function filled(shape: KvShape, tokens: readonly number[], exact = 0): SequenceCache {
  const cache = kvCache(shape);
  fill(cache, tokens, exact);
  return cache;
}

/** Fails unless `cache` holds these tokens, with the keys and values that `fill` gives them. */
export function assertHolds(cache: SequenceCache, tokens: readonly number[]): void {
  assert.deepEqual([...cache.tokens], [...tokens]);
  using expected = filled(KvStore.of(cache.state).shape, tokens);
  const pieces = storedBytes(expected, tokens.length);
  for (const [area, bytes] of storedBytes(cache, tokens.length).entries()) {
    assert.ok(Buffer.compare(bytes, pieces[area] ?? new Uint8Array()) === 0, `area ${area} has other bytes`);
  }
}

/** `length` tokens that begin like no other's with another seed. */
export const textOf = (seed: number, length: number): number[] =>
  Array.from({ length }, (_, i) => 1000 * seed + (i % 997));

/** Texts many of which begin alike, in part or as a whole. */
export const anyText = (longest: number): fc.Arbitrary<readonly number[]> =>
  fc
    .record({
      head: fc.integer({ min: 1, max: 3 }),
      fork: fc.integer({ min: 0, max: longest }),
      tail: fc.integer({ min: 1, max: 3 }),
      length: fc.integer({ min: 1, max: longest }),
    })
    .map(({ head, fork, tail, length }) =>
      Array.from({ length }, (_, i) => (i < fork ? 1000 * head : 5000 * tail) + (i % 7)),
    );
