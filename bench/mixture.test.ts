import assert from 'node:assert/strict';
import test from 'node:test';
import { at } from '../src/base/at.ts';
import { nmse } from '../src/base/nmse.ts';
import { openModelFile } from '../src/gguf/model-file.ts';
import { writeRandom } from '../test/support/model-files.ts';
import { assertAsLibllama, libllamaGreedy, oracleLogits } from '../test/support/oracle.ts';
import { tempFolder } from '../test/support/temp-folder.ts';
import { readWeight } from './inflate.ts';
import { mixture } from './mixture.ts';
import type { RandomModelSpec } from './random-model.ts';

const small = {
  architecture: 'llama',
  layers: 2,
  width: 64,
  heads: 4,
  kvHeads: 2,
  keyLength: 32,
  feedForward: 160,
  vocabulary: 300,
} as const;
const tokens = (count: number): readonly number[] =>
  Array.from({ length: count }, (_, i) => (i * i * 37 + 11) % small.vocabulary);
const text = tokens(64);
const prompt = text.slice(0, 30);
const options = { experts: 8, used: 2, text } as const;

/** Fails unless the mixture at `target` says what the model at `source` says. */
function assertSaysTheSame(source: string, target: string): void {
  assertAsLibllama(target, { prompt, answer: libllamaGreedy(source, prompt, 12) });
  const [expected = [], logits = []] = [source, target].map((path) => oracleLogits(path, prompt, { context: 64 }));
  const distance = Math.max(...logits.map((row, i) => nmse(row, at(expected, i))));
  assert.ok(distance < 1e-3, `NMSE ${distance}`);
}

for (const type of ['q4_0', 'q4_1', 'q5_1', 'q8_0']) {
  test(`a mixture says the same as the dense model that it is made of: ${type}`, () => {
    using folder = tempFolder();
    const [source, target] = [folder.file('source.gguf'), folder.file('target.gguf')];
    writeRandom(source, { ...small, type });
    mixture(source, target, options);
    assertSaysTheSame(source, target);
  });
}

test('a mixture that is wider than the dense model says the same', () => {
  using folder = tempFolder();
  const [source, target] = [folder.file('source.gguf'), folder.file('target.gguf')];
  writeRandom(source, { ...small, type: 'q8_0' });
  mixture(source, target, { ...options, width: 128 });
  assert.deepEqual(openModelFile(target).weights.get('blk.1.ffn_up_exps.weight')?.shape, [128, 160, 8]);
  assertSaysTheSame(source, target);
});

test('no two experts have the same bytes', () => {
  using folder = tempFolder();
  const [source, target] = [folder.file('source.gguf'), folder.file('target.gguf')];
  writeRandom(source, { ...small, type: 'q8_0' });
  mixture(source, target, options);
  const model = openModelFile(target);
  for (const name of ['gate', 'up', 'down']) {
    const bytes = readWeight(model, model.weights.get(`blk.0.ffn_${name}_exps.weight`) ?? assert.fail(name));
    const size = bytes.length / options.experts;
    const experts = Array.from({ length: options.experts }, (_, expert) =>
      Buffer.from(bytes.subarray(expert * size, (expert + 1) * size)).toString('latin1'),
    );
    assert.equal(new Set(experts).size, options.experts, name);
  }
});

test('what no mixture can be made of is refused', () => {
  using folder = tempFolder();
  const [source, target] = [folder.file('source.gguf'), folder.file('target.gguf')];
  const refuses = (spec: RandomModelSpec, reason: RegExp): void => {
    writeRandom(source, spec);
    assert.throws(() => mixture(source, target, options), reason);
  };
  refuses({ ...small, type: 'f32' }, /ffn_\w+\.weight: elements of f32 cannot be put in another order/);
  refuses({ ...small, architecture: 'qwen3', type: 'q8_0' }, /is not of architecture llama/);
});
