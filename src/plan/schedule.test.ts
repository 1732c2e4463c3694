import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { type PassLimits, type PendingTokens, schedule } from './schedule.ts';

const decoding: PendingTokens = { tokens: 1, decoding: true };
const prompt = (tokens: number): PendingTokens => ({ tokens, decoding: false });
const limits: PassLimits = { batch: 64, tokens: 67, chunk: 16, exact: false };
const exact: PassLimits = { ...limits, exact: true };

const anyPrompt = fc.integer({ min: 1, max: 2000 }).map(prompt);
/** A token, and draft tokens after it. */
const anyDecoding = (ahead: number): fc.Arbitrary<PendingTokens> =>
  fc.integer({ min: 1, max: 1 + ahead }).map((tokens) => ({ tokens, decoding: true }));

/** Sequences, and limits as a runtime has them: room for a batch and for what each other sequence decodes. */
const anyCase = fc
  .constantFrom(0, 3, 15)
  .chain((ahead) =>
    fc.record({
      ahead: fc.constant(ahead),
      pending: fc.array(fc.oneof(anyDecoding(ahead), anyPrompt), { minLength: 1, maxLength: 12 }),
      more: fc.nat(4),
      batch: fc.integer({ min: 1, max: 512 }),
      chunk: fc.integer({ min: 8, max: 1000 }),
      exact: fc.boolean(),
    }),
  )
  .map(({ ahead, pending, more, batch, chunk, exact }) => {
    const others = pending.length + more - 1;
    return { pending, limits: { batch, chunk, exact, tokens: batch + others * (1 + ahead) } };
  });

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

test('a pass takes all that decodes, and of prompts never more than the limits allow', () => {
  fc.assert(
    fc.property(anyCase, ({ pending, limits }) => {
      const counts = schedule(pending, limits);
      assert.equal(counts.length, pending.length);
      for (const [i, count] of counts.entries()) {
        const { tokens, decoding } = pending[i] ?? assert.fail();
        if (decoding) assert.equal(count, tokens);
        else assert.ok(Number.isInteger(count) && count >= 0 && count <= Math.min(tokens, limits.batch));
      }
      const prompts = sum(counts.filter((_, i) => !pending[i]?.decoding));
      assert.ok(prompts === 0 || sum(counts) <= limits.tokens);
      const mixed = pending.some(({ decoding }) => decoding);
      if (mixed && !limits.exact) assert.ok(prompts <= limits.chunk);
    }),
  );
});

test('a pass takes a token at least, and of the first prompt too', () => {
  fc.assert(
    fc.property(anyCase, ({ pending, limits }) => {
      const counts = schedule(pending, limits);
      assert.ok(sum(counts) > 0);
      const first = pending.findIndex(({ decoding }) => !decoding);
      assert.ok(first < 0 || (counts[first] ?? 0) > 0);
    }),
  );
});

test('prompts are served in their order: who came later gets what is left', () => {
  fc.assert(
    fc.property(anyCase, ({ pending, limits }) => {
      if (limits.exact) return;
      const counts = schedule(pending, limits);
      const short = pending.findIndex(
        ({ tokens, decoding }, i) => !decoding && (counts[i] ?? 0) < Math.min(tokens, limits.batch),
      );
      if (short < 0) return;
      for (const [i, { decoding }] of pending.entries()) if (i > short && !decoding) assert.equal(counts[i], 0);
    }),
  );
});

test('a sequence gets no less for those that come after it', () => {
  fc.assert(
    fc.property(anyCase, fc.integer({ min: 1, max: 2000 }), ({ pending, limits }, tokens) => {
      const before = schedule(pending, limits);
      const after = schedule([...pending, prompt(tokens)], limits);
      assert.deepEqual(after.slice(0, -1), before);
    }),
  );
});

test('where prompts are divided alike, each gets a batch, its rest or nothing', () => {
  fc.assert(
    fc.property(anyCase, ({ pending, limits }) => {
      for (const [i, count] of schedule(pending, { ...limits, exact: true }).entries()) {
        const { tokens, decoding } = pending[i] ?? assert.fail();
        if (!decoding) assert.ok(count === 0 || count === Math.min(tokens, limits.batch));
      }
    }),
  );
});

test('where prompts are divided alike, all of them are done some time, whoever decodes beside them', () => {
  fc.assert(
    fc.property(anyCase, ({ pending, limits }) => {
      let rest = pending.filter(({ decoding }) => !decoding);
      const others = pending.filter(({ decoding }) => decoding);
      const passes = sum(rest.map(({ tokens }) => Math.ceil(tokens / limits.batch)));
      for (let pass = 0; pass < passes && rest.length > 0; pass += 1) {
        const counts = schedule([...others, ...rest], { ...limits, exact: true });
        rest = rest
          .map(({ tokens }, i) => prompt(tokens - (counts[others.length + i] ?? 0)))
          .filter(({ tokens }) => tokens > 0);
      }
      assert.deepEqual(rest, []);
    }),
  );
});

test('alone, prompts have the whole pass; beside others that decode a chunk of it', () => {
  assert.deepEqual(schedule([prompt(100), prompt(100)], limits), [64, 3]);
  assert.deepEqual(schedule([decoding, prompt(10), prompt(100), decoding], limits), [1, 10, 6, 1]);
  assert.deepEqual(schedule([decoding, prompt(100)], exact), [1, 64]);
  assert.deepEqual(schedule([prompt(100), prompt(5), prompt(3)], exact), [64, 0, 3]);
  assert.deepEqual(schedule([], limits), []);
});
