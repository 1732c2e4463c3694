import assert from 'node:assert/strict';
import test from 'node:test';
import { engineError } from '../../../test/support/engine-error.ts';
import type { KvOptions } from '../../plan/kv-options.ts';
import type { EngineSettings } from './engine-options.ts';
import { modelSettingsOf } from './model-settings.ts';

const usual: EngineSettings = {
  kvType: 'f16',
  kvHome: 'auto',
  draftNgram: false,
  adaptiveDraft: true,
  kernels: 'auto',
};

const kvOf = (settings: Partial<EngineSettings>): KvOptions | undefined =>
  modelSettingsOf({ ...usual, ...settings }).kv;

test('a window has four sinks unless another number is given', () => {
  assert.deepEqual(kvOf({ kvType: 'q8_0', kvHome: 'ram', kvDir: '/kv' }), {
    type: 'q8_0',
    window: undefined,
    home: 'ram',
    folder: '/kv',
  });
  assert.deepEqual(kvOf({ slidingWindow: 100 })?.window, { tokens: 100, sinks: 4 });
  assert.deepEqual(kvOf({ slidingWindow: 100, sinkTokens: 0 })?.window, { tokens: 100, sinks: 0 });
});

test('an option that changes nothing without another one is refused, by name', () => {
  const refused = (settings: Partial<EngineSettings>, message: RegExp): void =>
    assert.throws(() => modelSettingsOf({ ...usual, ...settings }), engineError('BAD_OPTION', message));
  refused({ sinkTokens: 0 }, /--sink-tokens 0 .*--sliding-window/);
  refused({ draftAhead: 4 }, /--draft-ahead 4 .*--draft-model or --draft-ngram/);
  refused({ ropeScale: 2, ropeScaling: 'none' }, /--rope-scale 2 .*--rope-scaling/);
  const { draft, rope } = modelSettingsOf({ ...usual, draftAhead: 4, draftNgram: true, ropeScale: 2 });
  assert.deepEqual([draft?.ahead, rope?.scale], [4, 2]);
});

test('a model rotates as it says unless something is given', () => {
  assert.equal(modelSettingsOf(usual).rope, undefined);
  const { rope } = modelSettingsOf({ ...usual, ropeScale: 2 });
  assert.deepEqual(rope, { scale: 2, base: undefined, scaling: undefined });
});
