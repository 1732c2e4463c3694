import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { openModelFile } from '../src/gguf/model-file.ts';
import { oracleLogits } from '../test/support/oracle.ts';
import { tempFolder } from '../test/support/temp-folder.ts';
import { type RandomModelSpec, writeRandomModel } from './random-model.ts';

const sizes = { layers: 3, width: 256, heads: 4, kvHeads: 2, feedForward: 512, vocabulary: 300 } as const;

const specs: Readonly<Record<string, RandomModelSpec>> = {
  'plain llama': { ...sizes, architecture: 'llama' },
  'llama with biases': { ...sizes, architecture: 'llama', tied: true, biases: true, type: 'q4_K' },
  'llama 3.1': { ...sizes, architecture: 'llama', rope: { factors: 'fixed', base: 500000 }, type: 'q4_0' },
  'llama with yarn': {
    ...sizes,
    architecture: 'llama',
    fusedQkv: true,
    keyLength: 96,
    rope: { scaling: 'yarn', factor: 4, originalContext: 64 },
  },
  qwen2: { ...sizes, architecture: 'qwen2', type: 'q8_0', rope: { base: 1e6 } },
  qwen3: { ...sizes, architecture: 'qwen3', keyLength: 128, type: 'f16' },
  gemma3: {
    ...sizes,
    architecture: 'gemma3',
    keyLength: 128,
    kvHeads: 1,
    window: { tokens: 16, pattern: 2, base: 10000 },
    rope: { base: 1e6, scaling: 'linear', factor: 8 },
  },
  'tied gemma3': {
    ...sizes,
    architecture: 'gemma3',
    tied: true,
    softcap: 5,
    window: { tokens: 16, pattern: [true, false, true] },
  },
  phi3: {
    ...sizes,
    architecture: 'phi3',
    type: 'q5_K',
    rope: { dims: 48, scaling: 'longrope', originalContext: 256, factors: 'long-short', attnFactor: 1.19 },
  },
};

const tokens = Array.from({ length: 40 }, (_, i) => (i * 37) % sizes.vocabulary);

test('libllama runs every kind of random model, and its logits are well spread', () => {
  using folder = tempFolder();
  for (const [name, spec] of Object.entries(specs)) {
    const [path = ''] = writeRandomModel(folder.file('model.gguf'), spec);
    const logits = oracleLogits(path, tokens, { context: 64 });
    assert.equal(logits.length, tokens.length, name);
    for (const row of logits) {
      const deviation = Math.sqrt(row.reduce((sum, v) => sum + v * v, 0) / row.length);
      assert.ok(deviation > 0.2 && deviation < 6, `${name}: ${deviation}`);
    }
  }
});

test('the same spec gives the same bytes, another seed others', () => {
  using folder = tempFolder();
  const write = (seed: number): Buffer => {
    const spec = { ...sizes, architecture: 'qwen3', type: 'iq1_m', seed } as const;
    return readFileSync(writeRandomModel(folder.file('model.gguf'), spec)[0] ?? '');
  };
  const first = write(1);
  assert.deepEqual(write(1), first);
  assert.notDeepEqual(write(2), first);
});

test('matrices have the type that was asked for where their rows are whole blocks', () => {
  using folder = tempFolder();
  const type = (name: string): string => (name === 'output.weight' ? 'q6_K' : 'q4_K');
  const spec = { ...sizes, architecture: 'llama', feedForward: 480, type, split: 3, alignment: 64 } as const;
  const paths = writeRandomModel(folder.file('model.gguf'), spec);
  assert.equal(paths.length, 3);
  const { weights } = openModelFile(paths[2] ?? '');
  const typeOf = (name: string): string | undefined => weights.get(name)?.type.name;
  assert.equal(typeOf('output.weight'), 'q6_K');
  assert.equal(typeOf('blk.0.attn_q.weight'), 'q4_K');
  assert.equal(typeOf('blk.0.ffn_down.weight'), 'f32');
  assert.equal(typeOf('blk.0.attn_norm.weight'), 'f32');
});

test('a large matrix is written in chunks', () => {
  using folder = tempFolder();
  const spec = { ...sizes, architecture: 'llama', layers: 1, feedForward: 10000, vocabulary: 5000 } as const;
  const [path = ''] = writeRandomModel(folder.file('model.gguf'), spec);
  const [logits = new Float32Array()] = oracleLogits(path, [1, 4999], { context: 64, which: 'last' });
  assert.equal(new Set(logits).size > 4900, true);
});
