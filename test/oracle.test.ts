import test from 'node:test';
import type { RandomModelSpec } from '../bench/random-model.ts';
import { ggmlTypes } from '../src/gguf/types.ts';
import { agrees, small } from './support/agrees.ts';

/** Rows of 256 elements, as the largest blocks need. */
const blocky = { layers: 1, width: 256, heads: 8, kvHeads: 4, feedForward: 512, vocabulary: 96 } as const;

const gemma3: RandomModelSpec = {
  ...small,
  architecture: 'gemma3',
  layers: 7,
  tied: true,
  window: { tokens: 12, base: 1e4 },
};

const architectures: Readonly<Record<string, RandomModelSpec>> = {
  llama: { ...small, architecture: 'llama' },
  'llama with a tied head': { ...small, architecture: 'llama', tied: true },
  'llama with biases': { ...small, architecture: 'llama', biases: true },
  'llama with one key-value head': { ...small, architecture: 'llama', kvHeads: 1 },
  'llama with as many key-value heads as heads': { ...small, architecture: 'llama', kvHeads: 4 },
  'llama with fused queries, keys and values': { ...small, architecture: 'llama', fusedQkv: true },
  qwen2: { ...small, architecture: 'qwen2' },
  qwen3: { ...small, architecture: 'qwen3' },
  'qwen3 with heads wider than width / heads': { ...small, architecture: 'qwen3', keyLength: 32 },
  gemma3,
  'gemma3 without a window': { ...small, architecture: 'gemma3', tied: true },
  'gemma3 with a pattern of its own and squashed logits': {
    ...small,
    architecture: 'gemma3',
    layers: 3,
    window: { tokens: 8, base: 1e4, pattern: 2 },
    softcap: 30,
  },
  phi3: { ...small, architecture: 'phi3' },
  'phi3 with separate queries, keys and values': { ...small, architecture: 'phi3', fusedQkv: false },
  'phi3 that rotates a part of each head': { ...small, architecture: 'phi3', rope: { dims: 8 } },
};

for (const [name, spec] of Object.entries(architectures)) {
  test(`${name} computes the logits that libllama computes`, () => agrees(spec));
}

test('a prompt of several hundred tokens computes the logits that libllama computes', () =>
  agrees({ ...small, architecture: 'llama' }, { tokens: 300, context: 512 }));

const notMultiplied = new Set(['q8_1', 'q8_K', 'i8', 'i16', 'i32', 'i64', 'f64']);
for (const { name } of ggmlTypes) {
  if (notMultiplied.has(name)) continue;
  test(`matrices of type ${name} give the logits that libllama computes`, () =>
    agrees({ ...blocky, architecture: 'llama', type: name }, { tokens: 12 }));
}

test('windows that a text has left long ago give the logits that libllama computes', () =>
  agrees(gemma3, { tokens: 700, context: 1024 }));

for (const kvType of ['q8_0', 'q4_0'] as const) {
  for (const keyLength of [32, 64, 128, 192]) {
    test(`keys and values of heads of ${keyLength} stored as ${kvType} give the logits that libllama computes`, () =>
      agrees({ ...small, architecture: 'qwen3', keyLength }, { tokens: 100, kvType }));
  }
  test(`windows over keys and values stored as ${kvType} give the logits that libllama computes`, () =>
    agrees({ ...gemma3, keyLength: 64 }, { tokens: 60, kvType }));
}

test('a split model computes the logits that libllama computes', () =>
  agrees({ ...small, architecture: 'qwen3', split: 3 }));

test('tensors at any alignment compute the logits that libllama computes', () =>
  agrees({ ...small, architecture: 'llama', alignment: 8 }));
