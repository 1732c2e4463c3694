import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { nmse } from '../src/base/nmse.ts';
import { openModelFile } from '../src/gguf/model-file.ts';
import { checkTokenizer } from '../src/text/check-tokenizer.ts';
import { Vocabulary } from '../src/text/vocabulary.ts';
import { openRuntime } from '../test/support/open-model.ts';
import { oracleLogits } from '../test/support/oracle.ts';
import { tempFolder } from '../test/support/temp-folder.ts';
import { type Shape, shapes, synthesize } from './synthesize.ts';

/** A real model's shape, but tiny; the embedding is large enough to come from a pool. */
function tiny(name: '8B' | '13B'): Shape {
  const shape = shapes[name] ?? assert.fail(name);
  return { ...shape, layers: 2, width: 256, heads: 4, kvHeads: 2, feedForward: 512, vocabulary: 5000 };
}

const prompt = Array.from({ length: 20 }, (_, i) => (i * 997) % 5000);

test('a synthesized model runs here and in libllama, with the same finite, well spread logits', async () => {
  using folder = tempFolder();
  const path = folder.file('model.gguf');
  // As deep as a 70B: what grows from layer to layer would show.
  synthesize(path, tiny('8B'), { type: 'q4_0', layers: 80 });
  const expected = oracleLogits(path, prompt, { context: 64 });
  await using model = await openRuntime(path, { context: 256 });
  for (const [i, row] of (await model.logits(prompt)).entries()) {
    assert.ok(row.every(Number.isFinite));
    const deviation = Math.sqrt(row.reduce((sum, v) => sum + v * v, 0) / row.length);
    assert.ok(deviation > 2 && deviation < 4, String(deviation));
    assert.ok(nmse(row, expected[i] ?? new Float32Array()) < 1e-5);
  }
});

test('its tensors have the shapes and the type that were asked for', () => {
  using folder = tempFolder();
  const path = folder.file('model.gguf');
  synthesize(path, tiny('13B'), { type: 'q8_0', layers: 1 });
  const tensors = [...openModelFile(path).weights.values()].map(
    ({ name, type, shape }) => `${name.replace('.weight', '')} ${type.name} ${shape.join('x')}`,
  );
  assert.deepEqual(tensors, [
    'token_embd q8_0 256x5000',
    'blk.0.attn_norm f32 256',
    'blk.0.attn_q q8_0 256x256',
    'blk.0.attn_k q8_0 256x128',
    'blk.0.attn_v q8_0 256x128',
    'blk.0.attn_output q8_0 256x256',
    'blk.0.ffn_norm f32 256',
    'blk.0.ffn_gate q8_0 256x512',
    'blk.0.ffn_up q8_0 256x512',
    'blk.0.ffn_down q8_0 512x256',
    'output_norm f32 256',
    'output q8_0 256x5000',
  ]);
});

test('its tokenizer is sound, has as many tokens as the model, and takes any text', () => {
  using folder = tempFolder();
  for (const name of ['8B', '13B'] as const) {
    const path = folder.file(`${name}.gguf`);
    synthesize(path, tiny(name), { type: 'q4_0', layers: 1 });
    checkTokenizer(openModelFile(path).metadata);
    using vocabulary = Vocabulary.open(path);
    assert.equal(vocabulary.size, 5000);
    const text = ' hello world, 123 ä 🙂';
    const tokens = vocabulary.tokenize(text, { addSpecial: false, parseSpecial: false });
    const pieces = tokens.map((token) => vocabulary.piece(token, { special: false }));
    assert.equal(Buffer.concat(pieces).toString().trim(), text.trim(), name);
    assert.match(Buffer.from(vocabulary.piece(4999, { special: false })).toString(), /^ \d+$/);
  }
});

test('the same seed gives the same bytes, another seed others', () => {
  using folder = tempFolder();
  const write = (seed: number): Buffer => {
    synthesize(folder.file('model.gguf'), tiny('8B'), { type: 'q4_0', seed });
    return readFileSync(folder.file('model.gguf'));
  };
  const first = write(1);
  assert.ok(write(1).equals(first));
  assert.ok(!write(2).equals(first));
});

test('what the disk or the vocabulary has no room for is refused before anything is written', () => {
  using folder = tempFolder();
  const path = folder.file('model.gguf');
  const huge = { ...tiny('8B'), width: 2 ** 20, feedForward: 2 ** 30 };
  assert.throws(() => synthesize(path, huge, { type: 'q4_0' }), /takes \d+ TiB, but only .* free on its disk/);
  const narrow = { ...tiny('8B'), vocabulary: 100 };
  assert.throws(() => synthesize(path, narrow, { type: 'q4_0' }), /vocabulary of 100 has no room for \d+ tokens/);
  assert.equal(existsSync(path), false);
});

test('the command line says what it cannot make', () => {
  using folder = tempFolder();
  const path = folder.file('model.gguf');
  const script = fileURLToPath(new URL('synthesize.ts', import.meta.url));
  const refuses = (args: readonly string[], reason: RegExp): void => {
    const { status, stderr } = spawnSync(process.execPath, ['--import', 'tsx', script, path, ...args]);
    assert.equal(status, 1);
    assert.match(stderr.toString(), reason);
  };
  refuses(['--shape', '9B'], /'9B' is invalid\. Allowed choices are 8B, 13B, 70B/);
  refuses(['--shape', '8B', '--type', 'q8_K'], /'q8_K' is invalid\. Allowed choices are f32, .*q4_0/);
  refuses(['--shape', '8B', '--layers', '0'], /'0' is invalid\. expected a whole number from 1 on/);
  assert.equal(existsSync(path), false);
});

test('shapes have as many parameters as the models they are named for', () => {
  const parameters = ({ layers, width, heads, kvHeads, feedForward, vocabulary }: Shape): number =>
    layers * width * (2 * width + 2 * (width / heads) * kvHeads + 3 * feedForward) + 2 * width * vocabulary;
  const billions = Object.values(shapes).map((shape) => (parameters(shape) / 1e9).toFixed(1));
  assert.deepEqual(billions, ['8.0', '13.0', '70.6']);
});
