import assert from 'node:assert/strict';
import test from 'node:test';
import { engineError } from '../../../test/support/engine-error.ts';
import type { KvOptions } from '../../plan/kv-options.ts';
import { type EngineSettings, engineOptions } from './engine-options.ts';
import { flagNamed } from './flags.ts';
import { modelSettingsOf } from './model-settings.ts';

const usual: EngineSettings = {
  kvType: 'f16',
  kvHome: 'auto',
  draftNgram: false,
  adaptiveDraft: true,
  device: 'auto',
  kernels: 'auto',
  graphs: 'auto',
  lora: [],
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

test('an option of an engine is the setting whose flag an error names instead', () => {
  const settings = {
    ...usual,
    slidingWindow: 2,
    ropeScale: 3,
    ropeBase: 4,
    ropeScaling: 'yarn',
    draftNgram: true,
    draftAhead: 5,
    ctx: 6,
  };
  const made = modelSettingsOf({ ...settings, sinkTokens: 7 } as EngineSettings);
  for (const [key, { option = key, flags }] of Object.entries(engineOptions)) {
    const path = option.split('.');
    const value = path.reduce<unknown>((values, name) => (values as Record<string, unknown> | undefined)?.[name], made);
    const setting = { ...settings, sinkTokens: 7 }[key as 'ctx'];
    if (path.length > 1 || option !== key) assert.equal(value, setting, option);
    assert.ok(flags.includes(flagNamed(option)));
  }
  assert.deepEqual(['topP', 'kv.window.sinks', 'bias'].map(flagNamed), ['--top-p', '--sink-tokens', 'bias']);
});
