import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { autoBudget, autoContext, autoParallel, autoPromptCache, availableOf } from './defaults.ts';

const MiB = 2 ** 20;
const GiB = 2 ** 30;

const anyMemory = fc
  .record({
    total: fc.integer({ min: 256 * MiB, max: 2048 * GiB }),
    free: fc.double({ min: 0.05, max: 1, noNaN: true }),
  })
  .map(({ total, free }) => ({ total, available: Math.floor(total * free) }));

test('the default budget leaves the system a quarter of its memory, and some of what is free', () => {
  assert.equal(autoBudget({ total: 16 * GiB, available: 15 * GiB }), 12 * GiB);
  assert.equal(autoBudget({ total: 16 * GiB, available: 9 * GiB }), 8 * GiB);
  assert.equal(autoBudget({ total: 8 * GiB, available: 8 * GiB }), 6 * GiB);
  assert.equal(autoBudget({ total: 4 * GiB, available: 4 * GiB }), 2 * GiB);
  assert.equal(autoBudget({ total: 16 * GiB, available: 1 * GiB }), 0.75 * GiB);
});

test('the default budget is within what is free, and grows with it', () => {
  fc.assert(
    fc.property(anyMemory, fc.nat(4 * GiB), ({ total, available }, more) => {
      const budget = autoBudget({ total, available });
      assert.ok(budget >= 0 && budget <= available && budget % MiB === 0);
      assert.ok(total - budget >= Math.min(2 * GiB, total / 2));
      assert.ok(autoBudget({ total, available: Math.min(total, available + more) }) >= budget);
    }),
  );
});

test('on macOS the budget does not depend on the few pages that are free at the moment', () => {
  const total = 16 * GiB;
  const budget = autoBudget({ total, available: availableOf({ total, available: 0.2 * GiB, platform: 'darwin' }) });
  assert.ok(budget > 8 * GiB && budget < 9 * GiB);
});

const model = { trained: 131072, kv: (context: number) => context * 64 * 1024, share: 2 * GiB };
const endless = Number.POSITIVE_INFINITY;

test('the default context is the usual one, or what prompt and answer come to, within what the model was trained for', () => {
  assert.equal(autoContext(model), 4096);
  assert.equal(autoContext(model, { prompt: 10, answer: endless }), 4096);
  assert.equal(autoContext(model, { prompt: 9000, answer: endless }), 9001);
  assert.equal(autoContext(model, { prompt: 5000, answer: 3000 }), 8000);
  assert.equal(autoContext({ ...model, trained: 2048 }), 2048);
  assert.equal(autoContext({ ...model, trained: 2048 }, { prompt: 9000, answer: 1 }), 2048);
});

test('the default context shrinks where KV would take more than its share', () => {
  assert.equal(autoContext({ ...model, share: 128 * MiB }), 2048);
  assert.equal(autoContext({ ...model, share: 132 * MiB }), 2048);
  assert.equal(autoContext({ ...model, share: MiB / 4 }), 256);
  assert.equal(autoContext({ ...model, share: -GiB }), 256);
});

test('a long answer is a wish that memory may not grant; the prompt is not', () => {
  assert.equal(autoContext({ ...model, share: 128 * MiB }, { prompt: 10, answer: 100_000 }), 2048);
  assert.equal(autoContext({ ...model, share: 128 * MiB }, { prompt: 5000, answer: 100_000 }), 5001);
});

const anyModel = fc
  .record({
    trained: fc.integer({ min: 1, max: 2 ** 20 }),
    kvPerToken: fc.integer({ min: 1, max: 2 ** 20 }),
    share: fc.integer({ min: -GiB, max: 16 * GiB }),
  })
  .map(({ kvPerToken, ...any }) => ({ ...any, kv: (context: number) => context * kvPerToken }));

test('a context whose keys and values stop growing is as long as the usual one, however small its share', () => {
  const kv = (context: number): number => Math.min(context, 512) * 64 * 1024;
  assert.equal(autoContext({ trained: 131072, kv, share: 32 * MiB }), 4096);
});

test('the default context is whole, holds the prompt and is never beyond the model', () => {
  const anyTokens = fc.record({ prompt: fc.nat(2 ** 20), answer: fc.oneof(fc.nat(2 ** 20), fc.constant(endless)) });
  fc.assert(
    fc.property(anyModel, anyTokens, (any, tokens) => {
      const context = autoContext(any, tokens);
      assert.ok(Number.isInteger(context) && context >= 1 && context <= any.trained);
      assert.ok(context >= Math.min(tokens.prompt + 1, any.trained));
    }),
  );
});

test('up to four sequences are computed together, as many as the share of KV holds', () => {
  assert.equal(autoParallel(model), 4);
  assert.equal(autoParallel({ ...model, share: GiB / 2 }), 2);
  assert.equal(autoParallel({ ...model, share: GiB / 2 - 1 }), 1);
  assert.equal(autoParallel({ ...model, share: GiB / 2 }, 1024), 4);
  assert.equal(autoParallel({ ...model, share: GiB / 2, trained: 1024 }), 4);
  assert.equal(autoParallel({ ...model, share: -GiB }), 1);
});

test('sequences that were chosen to be computed together leave each the usual context, if more than one was', () => {
  fc.assert(
    fc.property(anyModel, (any) => {
      const parallel = autoParallel(any);
      assert.ok(Number.isInteger(parallel) && parallel >= 1 && parallel <= 4);
      const context = autoContext({ ...any, kv: (tokens) => parallel * any.kv(tokens) });
      // Chosen in steps of 256.
      assert.ok(parallel === 1 || context > Math.min(4096, any.trained) - 256);
    }),
  );
});

test('keys and values of earlier prompts take a small part of the budget, and 512 MiB at most', () => {
  assert.equal(autoPromptCache(8 * GiB), 256 * MiB);
  assert.equal(autoPromptCache(1000 * MiB), 31 * MiB);
  assert.equal(autoPromptCache(64 * GiB), 512 * MiB);
  assert.equal(autoPromptCache(16 * MiB), 0);
});
