import assert from 'node:assert/strict';
import test from 'node:test';
import { architectureFile } from '../../test/support/architectures/architecture-file.ts';
import { sharedFolder } from '../../test/support/temp-folder.ts';
import { LlamaContext } from '../ggml/llama-context.ts';
import { LlamaModel } from '../ggml/llama-model.ts';
import { openModelFile } from '../gguf/model-file.ts';
import { manifestOfReads, weightReads } from './llama-weights.ts';

const folder = sharedFolder();

/** The manifest of a small model, and the roles of its weights. */
function readsOf(architecture: string, tokens = 1) {
  const path = architectureFile(folder.file(`${architecture}.gguf`), architecture);
  const { weights, ...file } = openModelFile(path);
  using model = new LlamaModel({ ...file, weights });
  using context = new LlamaContext(model, { cells: 256, sequences: 1, batch: 64, outputs: 1, kvType: 1 });
  const batch = Array.from({ length: tokens }, (_, i) => i);
  const { nodes } = context.collect([{ sequence: 0, start: 0, tokens: batch, outputs: 1 }]);
  const reads = weightReads(nodes, model.tensors, weights);
  const manifest = manifestOfReads([reads], weights, model.tensors.values());
  return { reads, manifest, names: manifest.map(({ weight }) => weight.name), weights };
}

test('the manifest of a graph is its weights in order of use; matrices may stream, others stay', () => {
  const { manifest, names, weights } = readsOf('qwen3');
  assert.deepEqual([...names].sort(), [...weights.keys()].sort());
  const first = (name: string): number => names.indexOf(name);
  assert.ok(first('token_embd.weight') < first('blk.0.attn_q.weight'));
  assert.ok(first('blk.0.ffn_down.weight') < first('blk.1.attn_q.weight'));
  for (const { weight, streamable } of manifest) {
    const matrix = weight.shape.length === 2 && weight.name !== 'token_embd.weight';
    assert.equal(streamable, matrix, weight.name);
  }
});

test('experts are known by their router, and by how many a token uses', () => {
  const { manifest } = readsOf('qwen3moe');
  const banks = manifest.filter(({ experts }) => experts);
  assert.ok(banks.length > 0);
  for (const { weight, experts } of banks) {
    assert.match(weight.name, /_exps\.weight$/);
    const others = banks.filter((bank) => bank.experts?.router === experts?.router);
    const layer = weight.name.split('.', 2).join('.');
    assert.ok(others.every((bank) => bank.weight.name.startsWith(`${layer}.`)));
    assert.equal(others.length, 3);
  }
});

test('graphs of one token and of many read the same weights in the same ways', () => {
  for (const architecture of ['qwen3moe', 'gemma3n', 'deepseek2', 'jamba', 'rwkv7', 'qwen35moe']) {
    const [one, many] = [readsOf(architecture, 1), readsOf(architecture, 40)];
    assert.deepEqual(many.manifest, one.manifest, architecture);
  }
});

test('what graphs multiply with in different orders stays', () => {
  const { reads, weights } = readsOf('llama');
  const names = [...weights.keys()];
  const turned = [...reads].reverse();
  const manifest = manifestOfReads([reads, turned], weights, names);
  assert.equal(manifest.filter(({ streamable }) => streamable).length, 1);
  assert.equal(manifestOfReads([reads, reads], weights, names).length, manifest.length);
});

test('small weights that a graph does not read may be read by another, and come first', () => {
  const { reads, weights } = readsOf('llama');
  const without = reads.filter(({ name }) => name !== 'output_norm.weight');
  const [first, ...others] = manifestOfReads([without], weights, weights.keys());
  assert.deepEqual(first && [first.weight.name, first.streamable], ['output_norm.weight', false]);
  assert.equal(others.length, weights.size - 1);
});
