import assert from 'node:assert/strict';
import test from 'node:test';
import { arr, f32, i32, type MetadataValue, str, u32, writeGguf } from '../../bench/gguf-writer.ts';
import { sharedPath } from '../../test/support/temp-folder.ts';
import { EngineError } from '../base/errors.ts';
import { openModelFile } from '../gguf/model-file.ts';
import type { Architecture, Config } from './architecture.ts';
import { ownArchitectures } from './registry.ts';

const path = sharedPath('model.gguf');

/** A small model's metadata, without its architecture's name in front of the keys. */
const small: Readonly<Record<string, MetadataValue>> = {
  embedding_length: u32(256),
  block_count: u32(4),
  feed_forward_length: u32(512),
  context_length: u32(2048),
  vocab_size: u32(1000),
  'attention.head_count': u32(8),
  'attention.layer_norm_rms_epsilon': f32(0.5),
};

const familyOf = (name: string): Architecture => ownArchitectures.get(name) ?? assert.fail(name);

/** The config of a small model with some keys changed, or left out where they are undefined. */
function configOf(changes: Readonly<Record<string, MetadataValue | undefined>>, architecture = 'llama'): Config {
  const metadata: Record<string, MetadataValue> = { 'general.architecture': str(architecture) };
  for (const [key, value] of Object.entries({ ...small, ...changes })) {
    if (value) metadata[key.startsWith('tokenizer.') ? key : `${architecture}.${key}`] = value;
  }
  writeGguf(path, { metadata, tensors: [] });
  return familyOf(architecture).config(openModelFile(path).metadata);
}

/** The refusal of such a config: the error's code, and the key that it names. */
function refusal(
  changes: Readonly<Record<string, MetadataValue | undefined>>,
  architecture = 'llama',
): readonly unknown[] {
  try {
    configOf(changes, architecture);
  } catch (error) {
    assert.ok(error instanceof EngineError, String(error));
    const details: Readonly<Record<string, unknown>> = { ...error.details };
    if ('file' in details) assert.equal(details['file'], path);
    return [error.code, details['key'] ?? details['what']];
  }
  return ['accepted'];
}

test('what metadata leave out has the usual value', () => {
  assert.deepEqual(configOf({}), {
    architecture: 'llama',
    layers: 4,
    width: 256,
    heads: 8,
    kvHeads: 8,
    keyLength: 32,
    valueLength: 32,
    feedForward: 512,
    vocabulary: 1000,
    context: 2048,
    epsilon: 0.5,
    rope: {
      dims: 32,
      mode: 0,
      originalContext: 2048,
      base: 10000,
      scale: 1,
      extFactor: 0,
      attnFactor: 1,
      betaFast: 32,
      betaSlow: 1,
    },
    logitSoftcap: 0,
  });
});

test('what metadata say is what the config has', () => {
  const config = configOf({
    'attention.head_count_kv': u32(2),
    'attention.key_length': u32(48),
    'attention.value_length': u32(48),
    'rope.dimension_count': u32(24),
    'rope.freq_base': f32(500000),
  });
  assert.deepEqual([config.kvHeads, config.keyLength, config.valueLength], [2, 48, 48]);
  assert.deepEqual([config.rope.dims, config.rope.base], [24, 500000]);
});

test('a vocabulary counts its tokens, whatever its size is said to be', () => {
  const tokens = { 'tokenizer.ggml.tokens': arr('string', ['a', 'b', 'c']) };
  assert.equal(configOf(tokens).vocabulary, 3);
  assert.equal(configOf({ ...tokens, vocab_size: undefined }).vocabulary, 3);
});

test('Gemma 3 tells its windowed layers by a period or one by one', () => {
  const gemma = (changes: Readonly<Record<string, MetadataValue>>) =>
    configOf({ block_count: u32(7), 'attention.sliding_window': u32(512), ...changes }, 'gemma3');
  const layers = (pattern: string): readonly boolean[] => [...pattern].map((letter) => letter === 'w');
  assert.deepEqual(gemma({}).window?.layers, layers('wwwww-w'));
  assert.deepEqual(gemma({ 'attention.sliding_window_pattern': u32(3) }).window?.layers, layers('ww-ww-w'));
  assert.deepEqual(gemma({ 'attention.sliding_window_pattern': u32(1) }).window?.layers, layers('-------'));
  const each = { 'attention.sliding_window_pattern': arr('bool', [...layers('-w-w---'), true]) };
  assert.deepEqual(gemma(each).window?.layers, layers('-w-w---'));

  const stretched = gemma({
    'rope.freq_base': f32(1e6),
    'rope.freq_base_swa': f32(5e4),
    'rope.scaling.factor': f32(8),
    final_logit_softcapping: f32(30),
  });
  assert.deepEqual([stretched.rope.base, stretched.rope.scale, stretched.logitSoftcap], [1e6, 1 / 8, 30]);
  assert.deepEqual(
    [stretched.window?.rope.base, stretched.window?.rope.scale, stretched.window?.tokens],
    [5e4, 1, 512],
  );
  assert.equal(configOf({}, 'gemma3').window, undefined);
});

test('a key that is needed and missing is named', () => {
  for (const key of Object.keys(small)) {
    assert.deepEqual(refusal({ [key]: undefined }), ['METADATA_MISSING', `llama.${key}`]);
  }
});

test('a number that cannot be is refused with its key', () => {
  const cases: readonly (readonly [key: string, ...values: MetadataValue[]])[] = [
    ['embedding_length', u32(0), i32(-256), f32(256.5), u32(2 ** 24 + 1), f32(Number.NaN), str('256')],
    ['block_count', u32(0), u32(1025)],
    ['feed_forward_length', u32(0), u32(2 ** 31)],
    ['context_length', u32(0), u32(2 ** 25)],
    ['vocab_size', u32(0), u32(2 ** 25)],
    ['attention.head_count', u32(0), arr('u32', [8, 8, 4, 8])],
    ['attention.head_count_kv', u32(0), u32(3), u32(16)],
    ['attention.layer_norm_rms_epsilon', f32(0), f32(-1), f32(Number.POSITIVE_INFINITY)],
    ['rope.dimension_count', u32(0), u32(34), u32(7)],
    ['rope.freq_base', f32(0), f32(-10000)],
    ['rope.scaling.type', str('cubic'), u32(1)],
    ['rope.scaling.factor', f32(-2)],
    ['rope.scaling.attn_factor', f32(0)],
    ['rope.scaling.original_context_length', u32(0)],
  ];
  for (const [key, ...values] of cases) {
    for (const [i, value] of values.entries()) {
      assert.deepEqual(refusal({ [key]: value }), ['METADATA_INVALID', `llama.${key}`], `value ${i} of ${key}`);
    }
  }
});

test('numbers that do not fit together are refused', () => {
  const heads = (n: number, length: number): Readonly<Record<string, MetadataValue>> => ({
    'attention.head_count': u32(n),
    'attention.key_length': u32(length),
    'attention.value_length': u32(length),
  });
  // heads of no element, of 20 elements, and more of them than fit a token
  assert.deepEqual(refusal({ 'attention.head_count': u32(512) }), ['METADATA_INVALID', 'llama.attention.key_length']);
  assert.deepEqual(refusal(heads(8, 20)), ['METADATA_INVALID', 'llama.attention.key_length']);
  assert.deepEqual(refusal(heads(2 ** 12, 128)), ['METADATA_INVALID', 'llama.attention.head_count']);
});

test('what a window says wrongly is refused', () => {
  const window = { 'attention.sliding_window': u32(512) };
  const cases: readonly (readonly [string, MetadataValue])[] = [
    ['attention.sliding_window', f32(0.5)],
    ['attention.sliding_window', i32(-1)],
    ['attention.sliding_window_pattern', u32(0)],
    ['attention.sliding_window_pattern', arr('bool', [true, true, false])],
    ['attention.sliding_window_pattern', arr('u32', [1, 1, 1, 0])],
    ['rope.freq_base_swa', f32(0)],
  ];
  for (const [key, value] of cases) {
    assert.deepEqual(refusal({ ...window, [key]: value }, 'gemma3'), ['METADATA_INVALID', `gemma3.${key}`]);
  }
});

test('models of a kind that is not supported yet are refused as such', () => {
  assert.deepEqual(refusal({ expert_count: u32(8) }), ['UNSUPPORTED_MODEL', 'a mixture of experts']);
  assert.deepEqual(refusal({ expert_count: u32(0) }), ['accepted']);
  assert.deepEqual(refusal({ 'attention.value_length': u32(64) }), [
    'UNSUPPORTED_MODEL',
    'keys and values of different length',
  ]);
});

test('a family has a stage for the embedding, for each layer and for the output', () => {
  for (const name of ['llama', 'qwen2', 'qwen3', 'gemma3', 'phi3']) {
    const architecture = familyOf(name);
    const stages = architecture.stages(configOf({}, name)).map((stage) => stage.name);
    assert.deepEqual(stages, ['token_embd', 'blk.0', 'blk.1', 'blk.2', 'blk.3', 'output_norm', 'output']);
  }
});
