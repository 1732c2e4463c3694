import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { servedModel } from '../../../test/support/fake-backend.ts';
import { defaultSampling, samplingOptions } from '../../sample/sampling-options.ts';
import type { GenerationRequest } from '../../worker/backend.ts';
import { optionsSchema } from './options.ts';

const model = servedModel({ trainedContext: 2048 });
const requestOf = (given: unknown): Omit<GenerationRequest, 'prompt'> => optionsSchema.parse(given).of(model);

test('without options nothing is given', () => {
  for (const given of [undefined, null, {}, { temperature: null, stop: null, num_ctx: null }]) {
    const { sampling, context, maxTokens, stop } = requestOf(given);
    assert.deepEqual(samplingOptions(sampling), defaultSampling);
    assert.deepEqual([context, maxTokens, stop], [undefined, undefined, []]);
  }
});

test('every option that counts reaches the ask', () => {
  const given = {
    num_ctx: 512,
    num_predict: 7,
    seed: 42,
    stop: ['a', '', 'b'],
    temperature: 0.5,
    top_k: 20,
    top_p: 0.8,
    min_p: 0.1,
    typical_p: 0.7,
    top_n_sigma: 1.5,
    xtc_probability: 0.4,
    xtc_threshold: 0.2,
    repeat_penalty: 1.2,
    repeat_last_n: 32,
    presence_penalty: 0.3,
    frequency_penalty: -0.4,
    mirostat: 2,
    mirostat_tau: 4,
    mirostat_eta: 0.5,
  };
  assert.deepEqual(requestOf(given), {
    sampling: {
      temperature: 0.5,
      topK: 20,
      topP: 0.8,
      minP: 0.1,
      typicalP: 0.7,
      topNSigma: 1.5,
      xtcProbability: 0.4,
      xtcThreshold: 0.2,
      repeatPenalty: 1.2,
      repeatLastN: 32,
      presencePenalty: 0.3,
      frequencyPenalty: -0.4,
      mirostat: 2,
      mirostatTau: 4,
      mirostatEta: 0.5,
      seed: 42,
    },
    context: 512,
    maxTokens: 7,
    stop: ['a', 'b'],
  });
  assert.deepEqual(optionsSchema.parse(given).ignored, []);
});

test('zero and less are no limit', () => {
  for (const none of [-2, -1, 0]) {
    assert.equal(requestOf({ num_predict: none }).maxTokens, undefined);
    assert.equal(requestOf({ num_ctx: none }).context, undefined);
    assert.equal(requestOf({ top_k: none }).sampling.topK, 0);
  }
});

test('penalties that look back without limit look back over the context', () => {
  assert.equal(requestOf({ repeat_last_n: -1, num_ctx: 512 }).sampling.repeatLastN, 512);
  assert.equal(requestOf({ repeat_last_n: -1 }).sampling.repeatLastN, 2048);
  const long = optionsSchema.parse({ repeat_last_n: -1 }).of(servedModel({ trainedContext: 2 ** 24 }));
  assert.doesNotThrow(() => samplingOptions(long.sampling));
  assert.equal(requestOf({ repeat_last_n: 0 }).sampling.repeatLastN, 0);
});

test('a negative seed is a random one; any other is a seed', () => {
  assert.equal(requestOf({ seed: -1 }).sampling.seed, undefined);
  fc.assert(
    fc.property(fc.nat(Number.MAX_SAFE_INTEGER), (seed) => {
      const { sampling } = requestOf({ seed });
      assert.notEqual(sampling.seed, undefined);
      assert.doesNotThrow(() => samplingOptions(sampling));
    }),
  );
});

test('one stop text may stand for itself, and whole numbers may have a point', () => {
  assert.deepEqual(requestOf({ stop: 'END' }).stop, ['END']);
  assert.equal(requestOf({ top_k: 40.7 }).sampling.topK, 40);
});

test('options that change nothing are named', () => {
  const given = { num_thread: 4, temperature: 1, use_mmap: true, num_batch: null, toString: 1 };
  assert.deepEqual(optionsSchema.parse(given).ignored, ['num_thread', 'use_mmap', 'toString']);
});

test('an option that chooses other tokens is refused as long as nobody does it', () => {
  assert.deepEqual(optionsSchema.safeParse({ tfs_z: 0.5 }).error?.issues[0]?.path, ['tfs_z']);
});

test('an option of a wrong type is refused', () => {
  for (const given of [{ top_k: '40' }, { stop: 4 }, { stop: ['a', 4] }, { temperature: true }, [], 'fast', 5]) {
    assert.equal(optionsSchema.safeParse(given).success, false, JSON.stringify(given));
  }
});
