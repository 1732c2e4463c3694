import koffi from 'koffi';
import { at } from '../base/at.ts';
import { Disposer } from '../base/disposer.ts';
import { EngineError } from '../base/errors.ts';
import { ggmlTypes } from '../gguf/types.ts';
import { elementCount } from '../gguf/weight.ts';
import { readTensor } from './data.ts';
import type { Device } from './device.ts';
import { F32 } from './graph.ts';
import { loadLibraries, type Pointer } from './library.ts';
import { BatchArrays, type LlamaSpan } from './llama-batch.ts';
import { LlamaContext } from './llama-context.ts';
import { loadLlamaGraphs } from './llama-graph-api.ts';
import { LlamaModel } from './llama-model.ts';
import type { DescribedWeight, LlamaSource } from './llama-source.ts';
import { lastLog } from './log.ts';
import { NativeArray } from './native-array.ts';
import { NodeGraph } from './node-graph.ts';
import { setData, tensorShape } from './tensor-fields.ts';

const [width, vocabulary, batch] = [32, 48, 4];
const sizes = { cells: 256, sequences: 1, batch, outputs: batch, kvType: 1 } as const;

/** A prompt and two tokens after it, which have the same graph. */
const passes: readonly LlamaSpan[] = [
  { sequence: 0, start: 0, tokens: [3, 5, 7], outputs: 3 },
  { sequence: 0, start: 3, tokens: [11], outputs: 1 },
  { sequence: 0, start: 4, tokens: [13], outputs: 1 },
];

let checked = false;

/**
 * Has a tiny model computed by libllama itself, and from the graphs that it builds, and compares the bits. Done once per
 * process. Throws LIBRARY_DIFFERS: with a library of another version, answers would be wrong.
 */
export function checkGraphs(device: Device): void {
  if (checked) return;
  const { folder } = loadLibraries();
  try {
    if (!sameBits(device)) throw new Error('graphs of llama.cpp give other results than its own');
  } catch (cause) {
    throw new EngineError('LIBRARY_DIFFERS', { folder, what: (cause as Error).message }, { cause });
  }
  checked = true;
}

function sameBits(device: Device): boolean {
  using owner = new Disposer();
  const model = owner.use(new LlamaModel(tinyModel));
  let seed = 1;
  for (const [tensor] of model.tensors) {
    const weight = owner.use(new NativeArray(4 * elementCount(tensorShape(tensor)) + 64));
    for (const i of weight.float32.keys()) {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      weight.float32[i] = seed / 2 ** 32 - 0.5;
    }
    setData(tensor, (weight.address + 63n) & ~63n);
  }
  const ours = owner.use(new LlamaContext(model, sizes));
  const theirs = owner.use(new PlainContext(model.pointer));
  return passes.every((span) => {
    const { nodes, result } = ours.collect([span]);
    using graph = new NodeGraph(2 * nodes.length);
    for (const node of nodes) graph.adopt(node);
    graph.check();
    device.computeNow(graph.pointer);
    const computed = new Float32Array(elementCount(tensorShape(result)));
    readTensor(result, computed);
    const expected = theirs.decode(span);
    return computed.length === expected.length && expected.every((x, i) => Object.is(x, computed[i]));
  });
}

const matrix = (name: string, rows: number): DescribedWeight => described(`${name}.weight`, [width, rows]);
const described = (name: string, shape: readonly number[]): DescribedWeight => ({
  name,
  type: at(ggmlTypes, F32),
  shape,
});

const tinyWeights: readonly DescribedWeight[] = [
  matrix('token_embd', vocabulary),
  described('blk.0.attn_norm.weight', [width]),
  ...['attn_q', 'attn_k', 'attn_v', 'attn_output', 'ffn_gate', 'ffn_up', 'ffn_down'].map((name) =>
    matrix(`blk.0.${name}`, width),
  ),
  described('blk.0.ffn_norm.weight', [width]),
  described('output_norm.weight', [width]),
  matrix('output', vocabulary),
];

/** A model of one layer without a tokenizer. */
const tinyModel: LlamaSource = {
  file: 'the model of the self-check',
  architecture: 'llama',
  weights: new Map(tinyWeights.map((weight) => [weight.name, weight])),
  newMetadata: () => {
    const api = loadLlamaGraphs();
    const gguf = api.gguf_init_empty();
    api.gguf_set_val_str(gguf, 'general.architecture', 'llama');
    api.gguf_set_val_str(gguf, 'tokenizer.ggml.model', 'no_vocab');
    const numbers = {
      vocab_size: vocabulary,
      context_length: sizes.cells,
      embedding_length: width,
      feed_forward_length: width,
      block_count: 1,
      'attention.head_count': 2,
    };
    for (const [key, value] of Object.entries(numbers)) api.gguf_set_val_u32(gguf, `llama.${key}`, value);
    api.gguf_set_val_f32(gguf, 'llama.attention.layer_norm_rms_epsilon', 1e-5);
    return gguf;
  },
};

/** A context in which libllama computes. */
class PlainContext implements Disposable {
  readonly #api = loadLlamaGraphs();
  readonly #context: Pointer;
  readonly #batch = new BatchArrays(sizes);

  constructor(model: Pointer) {
    const context = this.#api.llama_init_from_model(model, {
      ...this.#api.llama_context_default_params(),
      n_ctx: sizes.cells,
      n_batch: batch,
      n_ubatch: batch,
      n_threads: 1,
      n_threads_batch: 1,
    });
    if (!context) throw new Error(lastLog());
    this.#context = context;
  }

  decode(span: LlamaSpan): Float32Array {
    const status = this.#api.llama_decode(this.#context, this.#batch.fill([span]));
    const logits = this.#api.llama_get_logits_ith(this.#context, span.tokens.length - span.outputs);
    if (status !== 0 || !logits) throw new Error(lastLog());
    return new Float32Array(koffi.view(logits, 4 * vocabulary * span.outputs)).slice();
  }

  [Symbol.dispose](): void {
    this.#api.llama_free(this.#context);
    this.#batch[Symbol.dispose]();
  }
}
