import assert from 'node:assert/strict';
import test from 'node:test';
import { engineError } from '../../test/support/engine-error.ts';
import { defaultSampling, type PartialSamplingOptions, samplingOptions } from './sampling-options.ts';

test('options that are not given have defaults', () => {
  assert.deepEqual(samplingOptions({}), defaultSampling);
  assert.deepEqual(samplingOptions({ topK: 5, topP: undefined }), { ...defaultSampling, topK: 5 });
});

test('the bounds themselves are allowed', () => {
  const least: PartialSamplingOptions = { temperature: 0, topK: 0, topP: 0, minP: 0, repeatLastN: 0, seed: 0 };
  assert.deepEqual(samplingOptions(least), { ...defaultSampling, ...least });
  const most: PartialSamplingOptions = { temperature: 100, topP: 1, minP: 1, seed: 2 ** 32 - 2 };
  assert.deepEqual(samplingOptions(most), { ...defaultSampling, ...most });
});

test('a value that makes no sense is refused by the name of its option', () => {
  const wrong: readonly PartialSamplingOptions[] = [
    { temperature: -1 },
    { temperature: Number.NaN },
    { temperature: Number.POSITIVE_INFINITY },
    { topK: -1 },
    { topK: 1.5 },
    { topP: 1.1 },
    { minP: -0.1 },
    { repeatPenalty: 0 },
    { repeatLastN: -1 },
    { frequencyPenalty: Number.NaN },
    { presencePenalty: 1000 },
    { seed: -1 },
    { seed: 2 ** 32 - 1 },
    { seed: 0.5 },
    { drySequenceBreakers: [''] },
    { drySequenceBreakers: ['x'.repeat(41)] },
    { drySequenceBreakers: Array<string>(17).fill('x') },
  ];
  for (const given of wrong) {
    const [option] = Object.keys(given);
    assert.throws(() => samplingOptions(given), engineError('BAD_OPTION', { option }), JSON.stringify(given));
  }
});
