import assert from 'node:assert/strict';
import { truncateSync } from 'node:fs';
import { after, test } from 'node:test';
import { type GgufSource, str, type TensorSource, writeGguf } from '../../bench/gguf-writer.ts';
import { randomModel } from '../../bench/random-model.ts';
import { engineError } from '../../test/support/engine-error.ts';
import { tempFolder } from '../../test/support/temp-folder.ts';
import { openModelFile } from '../gguf/model-file.ts';
import { LlamaModel } from './llama-model.ts';
import { tensorType } from './tensor-fields.ts';

const folder = tempFolder();
after(() => folder[Symbol.dispose]());

const source = randomModel({
  architecture: 'llama',
  layers: 2,
  width: 64,
  heads: 2,
  kvHeads: 1,
  feedForward: 96,
  vocabulary: 100,
  type: (name) => (name === 'output.weight' ? 'q8_0' : 'f32'),
});

/** The model with other tensors or metadata. */
function written(name: string, change: Partial<GgufSource>): string {
  const path = folder.file(`${name}.gguf`);
  writeGguf(path, { ...source, ...change });
  return path;
}

const changed = (change: (tensor: TensorSource) => readonly TensorSource[]): Partial<GgufSource> => ({
  tensors: source.tensors.flatMap(change),
});

const refused = (path: string, code: Parameters<typeof engineError>[0], wanted: RegExp | object): void => {
  for (const measured of [false, true]) {
    assert.throws(() => new LlamaModel(openModelFile(path), { measured }), engineError(code, wanted as RegExp));
  }
};

test('a model is loaded without its weights', () => {
  const path = written('bare', {});
  const file = openModelFile(path);
  truncateSync(path, file.files[0]?.size ?? assert.fail() - file.bytes);
  using model = new LlamaModel(file);
  assert.deepEqual([...model.tensors.values()].sort(), [...file.weights.keys()].sort());
  for (const [tensor, name] of model.tensors) assert.equal(tensorType(tensor), file.weights.get(name)?.type.id, name);
  assert.deepEqual([model.memory, model.window], ['attention', 0]);
});

test('weights that no graph asks for are left alone', () => {
  const extra = changed((tensor) =>
    tensor.name === 'output.weight' ? [tensor, { ...tensor, name: 'v.patch_embd.weight' }] : [tensor],
  );
  for (const measured of [false, true]) {
    using model = new LlamaModel(openModelFile(written('extra', extra)), { measured });
    assert.ok(![...model.tensors.values()].includes('v.patch_embd.weight'));
  }
});

test('a weight that is missing, or of another shape, is named', () => {
  const name = 'blk.1.ffn_up.weight';
  refused(
    written(
      'missing',
      changed((tensor) => (tensor.name === name ? [] : [tensor])),
    ),
    'MISSING_TENSOR',
    {
      tensor: name,
    },
  );
  // As many as there should be.
  const renamed = changed((tensor) => [tensor.name === name ? { ...tensor, name: 'other' } : tensor]);
  refused(written('renamed', renamed), 'MISSING_TENSOR', { tensor: name });
  const turned = changed((tensor) => [
    tensor.name === name ? { ...tensor, shape: [...tensor.shape].reverse() } : tensor,
  ]);
  const path = written('turned', turned);
  assert.throws(() => new LlamaModel(openModelFile(path)), engineError('WRONG_SHAPE', { tensor: name }));
});

test('an architecture that libllama does not know is refused with its reason', () => {
  const metadata = { ...source.metadata, 'general.architecture': str('ffnn') };
  refused(written('unknown', { metadata }), 'GRAPH_FAILED', /unknown model architecture: 'ffnn'/);
});

test('models come and go without callbacks that stay behind', () => {
  const file = openModelFile(written('often', {}));
  // More than callbacks that there can be at once.
  for (let i = 0; i < 2000; i += 1) new LlamaModel(file)[Symbol.dispose]();
});
