import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { at } from '../base/at.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { SequenceCache } from '../state/sequence-cache.ts';
import { TokenList } from '../text/token-list.ts';
import { EmbeddedText, type Pooling } from './embedded-text.ts';

const width = 3;
/** The embedding of the token at a position. */
const embeddingAt = (position: number): Float32Array => new Float32Array([position + 1, 2 * position, 5 - position]);

/** A text of `count` tokens, computed in parts of these lengths. */
function computed(pooling: Pooling, lengths: readonly number[]): EmbeddedText {
  const count = lengths.reduce((sum, length) => sum + length, 0);
  const text = new EmbeddedText({ tokens: Array.from({ length: count }, (_, i) => i), pooling });
  const cache = { tokens: new TokenList() } as unknown as SequenceCache;
  text.begin({} as Runtime, cache);
  for (const length of lengths) {
    const start = count - text.pending;
    const tokens = text.upcoming(length);
    cache.tokens.append(tokens);
    text.advance(start, tokens.length, (index) => {
      if (text.wanted === 'last') assert.equal(index, tokens.length - 1);
      return embeddingAt(start + index);
    });
  }
  return text;
}

const lengthsOf = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 });

test('embeddings of tokens become one, however the text is divided', async () => {
  await fc.assert(
    fc.asyncProperty(lengthsOf, async (lengths) => {
      const count = lengths.reduce((sum, length) => sum + length, 0);
      const all = Array.from({ length: count }, (_, i) => embeddingAt(i));
      const mean = Float32Array.from(
        { length: width },
        (_, k) => all.reduce((sum, embedding) => sum + at([...embedding], k), 0) / count,
      );
      const expected = { mean, first: at(all, 0), last: at(all, count - 1) };
      for (const pooling of ['mean', 'first', 'last'] as const) {
        const text = computed(pooling, lengths);
        assert.ok(text.ended);
        assert.deepEqual(await text.embedding, expected[pooling], pooling);
      }
    }),
  );
});

test('a text that failed takes no further part, and its reader has the error', async () => {
  const text = new EmbeddedText({ tokens: [1, 2], pooling: 'mean' });
  const error = new Error('broken');
  text.fail(error);
  text.fail(new Error('later'));
  text.advance(0, 2, () => assert.fail('a result was asked for'));
  await assert.rejects(text.embedding, error);
});
