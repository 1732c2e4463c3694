import { rmSync } from 'node:fs';
import { type TensorSource, writeGguf } from '../../../bench/gguf-writer.ts';
import { loadGgml } from '../../../src/ggml/api.ts';
import { Callback } from '../../../src/ggml/callback.ts';
import type { Pointer } from '../../../src/ggml/library.ts';
import { callbacks, loadLlamaGraphs } from '../../../src/ggml/llama-graph-api.ts';
import { lastLog } from '../../../src/ggml/log.ts';
import { tensorName, tensorShape } from '../../../src/ggml/tensor-fields.ts';
import { existingType } from '../weights.ts';
import type { ModelKeys } from './recipe.ts';

/** A tensor that the loader of an architecture asks for. */
export interface AskedTensor {
  readonly name: string;
  readonly shape: readonly number[];
}

/** The shape as files have it, without the ones at its end. */
function shapeOf(tensor: Pointer): readonly number[] {
  const shape = tensorShape(tensor);
  return shape.slice(0, Math.max(1, shape.findLastIndex((length) => length !== 1) + 1));
}

/** Has libllama make a model of a file with tensors of these names. The tensors that it asks for, or why there is none. */
function ask(path: string, metadata: ModelKeys, names: readonly string[]) {
  const type = existingType('f32');
  const tensors = names.map((name): TensorSource => ({ name, type, shape: [1], data: 'hole' }));
  writeGguf(path, { metadata, tensors });
  loadGgml(); // registers the backends
  const api = loadLlamaGraphs();
  const gguf = api.gguf_init_from_file(path, { no_alloc: true, ctx: null });
  if (!gguf) return { reason: lastLog() };
  const asked = new Map<string, AskedTensor>();
  using each = new Callback(callbacks.setData, (tensor: Pointer) => {
    const name = tensorName(tensor);
    asked.set(name, { name, shape: shapeOf(tensor) });
  });
  const params = { ...api.llama_model_default_params(), n_gpu_layers: 0 };
  const model = api.llama_model_init_from_user(gguf, each.address, 0n, params);
  if (model) api.llama_model_free(model);
  api.gguf_free(gguf);
  return model ? { asked: [...asked.values()] } : { reason: lastLog() };
}

/** More tensors than a model of a few layers has. */
const many = 5000;
const filler = (count: number): readonly string[] => Array.from({ length: count }, (_, i) => `filler.${i}`);

/**
 * The tensors that libllama's loader asks for, given these metadata: all that it requires, and of the others those in
 * `optional`. The library makes up required tensors that a file lacks, if it has as many of other names: the first
 * question is answered with their number, the second one with all of them. `path` is a file for the questions. Throws
 * libllama's reason where it makes no model.
 */
export function askedTensors(path: string, metadata: ModelKeys, optional: readonly string[]): readonly AskedTensor[] {
  try {
    const { reason } = ask(path, metadata, [...optional, ...filler(many)]);
    const count = /wrong number of tensors; expected \d+, got (\d+)/.exec(reason ?? '')?.[1];
    if (count === undefined) throw new Error(reason);
    const answer = ask(path, metadata, [...optional, ...filler(Number(count) - optional.length)]);
    if (!answer.asked) throw new Error(answer.reason);
    return answer.asked;
  } finally {
    rmSync(path, { force: true });
  }
}
