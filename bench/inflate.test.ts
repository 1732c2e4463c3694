import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { nmse } from '../src/base/nmse.ts';
import { openModelFile } from '../src/gguf/model-file.ts';
import { writeRandom } from '../test/support/model-files.ts';
import { assertAsLibllama, libllamaGreedy, oracleLogits } from '../test/support/oracle.ts';
import { tempFolder } from '../test/support/temp-folder.ts';
import { type InflateOptions, inflate } from './inflate.ts';
import type { RandomModelSpec } from './random-model.ts';

const sizes = { width: 256, feedForward: 512, layers: 2 } as const;
const small = { ...sizes, architecture: 'llama', heads: 4, kvHeads: 2, vocabulary: 300 } as const;
const prompt = Array.from({ length: 30 }, (_, i) => (i * 37) % small.vocabulary);

/** Inflates a random model; how far its logits are from before, and whether it still says the same. */
function compare(spec: RandomModelSpec, target: InflateOptions, base = spec): number {
  using folder = tempFolder();
  const source = writeRandom(folder.file('source.gguf'), spec);
  const before = writeRandom(folder.file('before.gguf'), base);
  const after = folder.file('after.gguf');
  inflate(source, after, target);
  assertAsLibllama(after, { prompt, answer: libllamaGreedy(before, prompt, 12) });
  const [expected = [], logits = []] = [before, after].map((path) => oracleLogits(path, prompt, { context: 64 }));
  return Math.max(...logits.map((row, i) => nmse(row, expected[i] ?? row)));
}

test('an inflated model says the same', () => {
  for (const type of ['f32', 'q4_0', 'q4_1', 'q8_0']) {
    const distance = compare({ ...small, type }, { width: 640, feedForward: 1024, layers: 5 });
    assert.ok(distance < 1e-5, `${type}: ${distance}`);
  }
});

test('it says exactly the same where it only gets deeper, or four times as wide', () => {
  const spec = { ...small, type: 'q4_K', tied: true, rope: { factors: 'fixed' } } as const;
  assert.equal(compare(spec, { ...sizes, layers: 5 }), 0);
  assert.equal(compare(spec, { ...sizes, feedForward: 768 }), 0);
  assert.equal(compare(spec, { ...sizes, width: 1024 }), 0);
});

test('matrices of layers can be quantized on the way', () => {
  const type = (name: string): string => (name.startsWith('blk.') ? 'q8_0' : 'f32');
  const distance = compare(small, { width: 512, feedForward: 768, layers: 3, type: 'q8_0' }, { ...small, type });
  assert.ok(distance < 1e-5, String(distance));
});

test('rows that were not whole blocks become some', () => {
  using folder = tempFolder();
  const spec = { ...small, width: 192, keyLength: 64 } as const;
  const source = writeRandom(folder.file('source.gguf'), spec);
  const [quantized, plain] = [folder.file('quantized.gguf'), folder.file('plain.gguf')];
  const target = { width: 512, feedForward: 768, layers: 2 };
  inflate(source, quantized, { ...target, type: 'q6_K' });
  inflate(source, plain, target);
  const { weights } = openModelFile(quantized);
  assert.equal(weights.get('blk.0.attn_q.weight')?.type.name, 'q6_K');
  assert.equal(weights.get('token_embd.weight')?.type.name, 'f32');
  const [logits = [], expected = []] = [quantized, plain].map((path) => oracleLogits(path, prompt, { context: 64 }));
  assert.ok(nmse(logits.at(-1) ?? new Float32Array(), expected.at(-1) ?? new Float32Array()) < 5e-3);
});

const zeroBytes = (path: string): number => readFileSync(path).reduce((zeros, byte) => zeros + (byte === 0 ? 1 : 0), 0);

test('few of the bytes are zero', () => {
  using folder = tempFolder();
  const source = writeRandom(folder.file('source.gguf'), small);
  const target = folder.file('target.gguf');
  inflate(source, target, { width: 512, feedForward: 1024, layers: 4, type: 'q8_0' });
  const { bytes, weights } = openModelFile(target);
  assert.equal(weights.size, 3 + 4 * 9);
  assert.ok(zeroBytes(target) < 0.2 * bytes, `${zeroBytes(target)} of ${bytes}`);
});

test('what cannot be inflated is refused', () => {
  using folder = tempFolder();
  const target = folder.file('target.gguf');
  const refuses = (spec: RandomModelSpec, sizesTo: InflateOptions, reason: RegExp): void => {
    const source = writeRandom(folder.file('source.gguf'), spec);
    assert.throws(() => inflate(source, target, sizesTo), reason);
  };
  refuses({ ...small, architecture: 'qwen3' }, sizes, /is not of architecture llama/);
  refuses(small, { ...sizes, layers: 1 }, /layers can only grow, but 1 < 2/);
  refuses({ ...small, type: 'q4_K' }, { ...sizes, width: 320 }, /rows of 320 are not whole blocks of 256 \(q4_K\)/);
  refuses({ ...small, biases: true }, sizes, /do not know how to inflate attn_q\.bias/);
});
