import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { arr, str, type TensorSource, u32 } from '../../bench/gguf-writer.ts';
import { architectureFile } from '../../test/support/architectures/architecture-file.ts';
import { engineError } from '../../test/support/engine-error.ts';
import { type LoraFileOptions, loraFile } from '../../test/support/lora-file.ts';
import { sharedFolder } from '../../test/support/temp-folder.ts';
import { at } from '../base/at.ts';
import { EngineError } from '../base/errors.ts';
import { buildAllGraphs } from '../exec/llama-trial.ts';
import { openModelFile } from '../gguf/model-file.ts';
import { openAdapter } from './lora-adapters.ts';
import { openOutline } from './model-outline.ts';

const folder = sharedFolder();
let model: string | undefined;
const modelFile = (): string => {
  model ??= architectureFile(folder.file('model.gguf'), 'llama');
  return model;
};

const written = (options: LoraFileOptions = {}): string => loraFile(folder.file('lora.gguf'), modelFile(), options);
const opened = (options: LoraFileOptions = {}): unknown =>
  openAdapter({ path: written(options) }, openModelFile(modelFile()));

/** Changes the first tensor. */
const first =
  (change: Partial<TensorSource>): NonNullable<LoraFileOptions['tensors']> =>
  ([one, ...others]) => [{ ...at([one], 0), ...change } as TensorSource, ...others];

test('an adapter is as large as its matrices, with what libllama takes to read the largest of them', () => {
  const path = written({ rank: 3, changes: /attn_q/ });
  const { bytes, pairs, scale } = openAdapter({ path }, openModelFile(modelFile()));
  const sizes = [...openModelFile(path).weights.values()].map(({ extent }) => extent.length);
  const sum = sizes.reduce((total, size) => total + size, 0);
  assert.ok(bytes >= sum + 2 * Math.max(...sizes) && bytes < sum + 2 * Math.max(...sizes) + 2 ** 16);
  assert.deepEqual(
    [scale, pairs.map(({ weight, rank }) => [weight.name, rank])],
    [
      1,
      [
        ['blk.0.attn_q.weight', 3],
        ['blk.1.attn_q.weight', 3],
      ],
    ],
  );
});

const refusals: Readonly<Record<string, readonly [LoraFileOptions, RegExp]>> = {
  'of a model': [{ metadata: { 'general.type': str('model') } }, /it is a model, not an adapter/],
  'of another kind': [{ metadata: { 'adapter.type': str('ia3') } }, /type "ia3"/],
  'of another architecture': [{ metadata: { 'general.architecture': str('qwen3') } }, /"qwen3", not "llama"/],
  'whose alpha is no float': [{ metadata: { 'adapter.lora.alpha': u32(1) } }, /adapter\.lora\.alpha is no float32/],
  'that waits for certain tokens': [
    { metadata: { 'adapter.alora.invocation_tokens': arr('u32', [1, 2]) } },
    /adapter\.alora\.invocation_tokens/,
  ],
  'without matrices': [{ changes: /nothing/ }, /it has no matrices/],
  'that replaces norms': [
    { tensors: first({ name: 'blk.0.attn_norm.weight', shape: [64], data: new Uint8Array(256) }) },
    /changes blk\.0\.attn_norm\.weight in another way/,
  ],
  'with one matrix of two': [{ tensors: (all) => all.slice(1) }, /it has no blk\.0\.\w+\.weight\.lora_a/],
  'for a weight that there is none of': [
    { tensors: (all) => all.map((one) => ({ ...one, name: one.name.replace('blk.1.', 'blk.9.') })) },
    /the model has no blk\.9\./,
  ],
  'of another width': [
    { tensors: first({ shape: [32, 4], data: new Uint8Array(512) }) },
    /lora_a has shape \[32, 4\] instead of \[64, 4\]/,
  ],
  'of another rank': [
    { tensors: first({ shape: [64, 2], data: new Uint8Array(512) }) },
    /lora_a has shape \[64, 2\] instead of \[64, 4\]/,
  ],
};

for (const [name, [options, reason]] of Object.entries(refusals)) {
  test(`an adapter ${name} is refused before libllama sees it`, () => {
    assert.throws(() => opened(options), engineError('ADAPTER_UNSUITABLE', reason));
  });
}

test('an adapter of an embedding that is the head, too, is refused: libllama would end the process', () => {
  const tied = architectureFile(folder.file('tied.gguf'), 'gemma3');
  const path = loraFile(folder.file('tied-lora.gguf'), tied, { changes: /token_embd/ });
  assert.throws(() => openAdapter({ path }, openModelFile(tied)), engineError('ADAPTER_UNSUITABLE', /head/));
});

test('a matrix that libllama passes over is refused by its name', () => {
  const path = architectureFile(folder.file('deepseek2.gguf'), 'deepseek2');
  const lora = loraFile(folder.file('head.gguf'), path, { changes: /^output\.weight/ });
  assert.throws(
    () => buildAllGraphs(openModelFile(path), [lora]),
    engineError('ADAPTER_UNSUITABLE', /head\.gguf .* do not apply output\.weight\.lora_[ab]/),
  );
});

test('an adapter has the scale that it is given, if that is a number', () => {
  const path = written();
  const file = openModelFile(modelFile());
  assert.equal(openAdapter({ path, scale: -0.5 }, file).scale, -0.5);
  for (const scale of [Number.NaN, Number.POSITIVE_INFINITY, 1e39]) {
    assert.throws(() => openAdapter({ path, scale }, file), engineError('BAD_OPTION', /loras .*lora\.gguf=/));
  }
});

test('a model with an adapter has the graphs of libllama, and no others', () => {
  const loras = [{ path: written() }];
  using graphs = openOutline(modelFile(), { loras }).graphs;
  assert.equal(graphs.builder, 'libllama');
  assert.ok(graphs.adapterBytes > 0);
  assert.throws(() => openOutline(modelFile(), { loras, graphs: 'own' }), engineError('NO_OWN_GRAPHS', /--lora/));
  assert.throws(() => openOutline(written()), engineError('NOT_A_MODEL', /lora\.gguf is an adapter/));
});

test('states depend on adapters, their files and their scales', () => {
  const identity = (...loras: readonly { path: string; scale: number }[]): string => {
    using graphs = openOutline(modelFile(), { loras, graphs: 'libllama' }).graphs;
    return JSON.stringify(graphs.identity(64));
  };
  const path = written();
  const other = loraFile(folder.file('other.gguf'), modelFile(), { seed: 2 });
  const all = [
    identity(),
    identity({ path, scale: 1 }),
    identity({ path, scale: 2 }),
    identity({ path: other, scale: 1 }),
  ];
  assert.equal(new Set(all).size, all.length);
});

test('damaged adapters are refused, wherever the header is wrong', () => {
  const path = written({ changes: /blk\.0\.attn_q/, alpha: 2 });
  const whole = readFileSync(path);
  const file = openModelFile(modelFile());
  const { extent } = at([...openModelFile(path).weights.values()], 0);
  let refused = 0;
  const places = Array.from({ length: Math.floor(extent.offset / 11) }, (_, i) => 11 * i);
  for (const place of places) {
    const bytes = Buffer.from(whole);
    bytes[place] = at(bytes, place) ^ 0x41;
    writeFileSync(path, bytes);
    try {
      openAdapter({ path }, file);
    } catch (error) {
      assert.ok(error instanceof EngineError, `byte ${place}: ${error}`);
      refused += 1;
    }
  }
  assert.ok(refused > places.length / 2);
});
