import koffi from 'koffi';
import type { RopeOptions } from '../src/arch/rope.ts';
import { loadGgml } from '../src/ggml/api.ts';
import { Callback } from '../src/ggml/callback.ts';
import { readTensor } from '../src/ggml/data.ts';
import { loadLibraries, type Pointer } from '../src/ggml/library.ts';
import { loadLlama } from '../src/ggml/llama.ts';
import { BatchArrays, type LlamaSpan } from '../src/ggml/llama-batch.ts';
import { callbacks } from '../src/ggml/llama-graph-api.ts';
import { batchStruct, contextParams, type Fields, modelParams } from '../src/ggml/llama-structs.ts';
import { lastLog } from '../src/ggml/log.ts';
import { tensorName, tensorShape } from '../src/ggml/tensor-fields.ts';
import { typeNamed } from '../src/gguf/types.ts';

type Params = Readonly<Record<string, unknown>>;

interface Functions {
  readonly load: (path: string, params: Params) => Pointer | null;
  readonly modelDefaults: () => Params;
  readonly contextDefaults: () => Params;
  readonly newContext: (model: Pointer, params: Params) => Pointer | null;
  readonly freeContext: (context: Pointer) => void;
  readonly freeModel: (model: Pointer) => void;
  readonly contextSize: (context: Pointer) => number;
  readonly vocabulary: (model: Pointer) => Pointer;
  readonly vocabularySize: (vocabulary: Pointer) => number;
  readonly adapter: (model: Pointer, path: string) => Pointer | null;
  readonly setAdapters: (context: Pointer, adapters: BigUint64Array, count: number, scales: Float32Array) => number;
  readonly decode: (context: Pointer, batch: Fields) => number;
  readonly encode: (context: Pointer, batch: Fields) => number;
  readonly encodes: (model: Pointer) => boolean;
  readonly logits: (context: Pointer, index: number) => Pointer | null;
  readonly pooling: (context: Pointer) => number;
  readonly embeddings: (context: Pointer, index: number) => Pointer | null;
  readonly pooled: (context: Pointer, sequence: number) => Pointer | null;
  readonly dimensions: (model: Pointer) => number;
  readonly classes: (model: Pointer) => number;
  readonly memory: (context: Pointer) => Pointer | null;
  readonly clear: (memory: Pointer, data: boolean) => void;
}

/** Libllama's way of loading: LLAMA_LOAD_MODE_NONE and _MMAP. Mapping aborts the process where tensors are not aligned to 32 bytes. */
const loadModes = { read: 0, mmap: 1 } as const;
/** LLAMA_POOLING_TYPE_NONE and _RANK. */
const poolings = { none: 0, rank: 4 } as const;
/** More layers than any model has. */
const allLayers = 9999;
const flashAttention = 1; // LLAMA_FLASH_ATTN_TYPE_ENABLED
/** LLAMA_ROPE_SCALING_TYPE_NONE, _LINEAR and _YARN. */
const ropeScalings = { none: 0, linear: 1, yarn: 2 } as const;

function bind(): Functions {
  loadGgml(); // registers the backends
  const { llama } = loadLibraries();
  loadLlama(); // silences it
  return {
    load: llama.func('llama_model_load_from_file', 'void *', ['str', modelParams]),
    modelDefaults: llama.func('llama_model_default_params', modelParams, []),
    contextDefaults: llama.func('llama_context_default_params', contextParams, []),
    newContext: llama.func('llama_init_from_model', 'void *', ['void *', contextParams]),
    freeContext: llama.func('void llama_free(void *)'),
    freeModel: llama.func('void llama_model_free(void *)'),
    contextSize: llama.func('uint32_t llama_n_ctx(void *)'),
    vocabulary: llama.func('void *llama_model_get_vocab(void *)'),
    vocabularySize: llama.func('int32_t llama_vocab_n_tokens(void *)'),
    adapter: llama.func('void *llama_adapter_lora_init(void *, const char *)'),
    setAdapters: llama.func('int32_t llama_set_adapters_lora(void *, void *, size_t, void *)'),
    decode: llama.func('llama_decode', 'int32_t', ['void *', batchStruct]),
    encode: llama.func('llama_encode', 'int32_t', ['void *', batchStruct]),
    encodes: llama.func('bool llama_model_has_encoder(void *)'),
    logits: llama.func('void *llama_get_logits_ith(void *, int32_t)'),
    pooling: llama.func('int llama_pooling_type(void *)'),
    embeddings: llama.func('void *llama_get_embeddings_ith(void *, int32_t)'),
    pooled: llama.func('void *llama_get_embeddings_seq(void *, int32_t)'),
    dimensions: llama.func('int32_t llama_model_n_embd_out(void *)'),
    classes: llama.func('uint32_t llama_model_n_cls_out(void *)'),
    memory: llama.func('void *llama_get_memory(void *)'),
    clear: llama.func('void llama_memory_clear(void *, bool)'),
  };
}

const ropeParams = ({ scale, base, scaling }: RopeOptions = {}): Params => ({
  ...(scale !== undefined && { rope_freq_scale: 1 / scale }),
  ...(base !== undefined && { rope_freq_base: base }),
  ...(scaling !== undefined && { rope_scaling_type: ropeScalings[scaling] }),
});

let functions: Functions | undefined;
const library = (): Functions => {
  functions ??= bind();
  return functions;
};

export interface LibllamaOptions {
  /** Tokens there is room for. */
  readonly context: number;
  readonly threads: number;
  /** Tokens computed at once; as many as the context holds unless given. */
  readonly batch?: number;
  /** Read the weights into memory, or map the file; `read` unless given. */
  readonly load?: keyof typeof loadModes;
  /** Compute on a device whose backend is loaded, not on the CPU; false unless given. */
  readonly device?: boolean;
  /** Convert weights to the fastest kernel layout, as libllama does by default; false unless given. */
  readonly repack?: boolean;
  /** ggml's name of what keys and values are stored as; f16 unless given. */
  readonly kvType?: string;
  /** Changes to the rotation that the metadata describe. */
  readonly rope?: RopeOptions | undefined;
  /** LoRA adapters that are applied, with their scales. */
  readonly loras?: readonly { readonly path: string; readonly scale: number }[];
  /** Gives embeddings instead of logits. */
  readonly embeddings?: boolean;
  /** How embeddings of a text become one (`LLAMA_POOLING_TYPE_*`); as the file says unless given. */
  readonly pooling?: number | undefined;
  /** Sequences, which share the room; 1 unless given. */
  readonly sequences?: number;
  /** Intermediate results that are wanted by name, and who gets them as they are computed: all float32 values. */
  readonly watch?: { readonly name: RegExp; readonly seen: (name: string, values: Float32Array) => void };
}

/** Libllama asks of each node whether it is wanted, and tells when it has been computed. */
const watched =
  ({ name, seen }: NonNullable<LibllamaOptions['watch']>) =>
  (node: Pointer, ask: boolean): boolean => {
    const own = tensorName(node);
    if (ask) return name.test(own);
    const values = new Float32Array(tensorShape(node).reduce((product, length) => product * length, 1));
    readTensor(node, values);
    seen(own, values);
    return true;
  };

/** libllama's own forward pass over one file, on the CPU: what we are compared with, in results and in speed. */
export class Libllama implements Disposable {
  readonly vocabulary: number;
  /** Tokens; what was asked for, rounded up to a multiple of 256. */
  readonly context: number;
  readonly #model: Pointer;
  readonly #context: Pointer;
  readonly #batch: BatchArrays;
  readonly #watcher: Callback | undefined;
  /** Tokens of the first sequence. */
  #length = 0;

  constructor(
    path: string,
    {
      context,
      threads,
      batch = context,
      load: mode = 'read',
      repack = false,
      kvType = 'f16',
      ...rest
    }: LibllamaOptions,
  ) {
    const { rope, sequences = 1, watch, embeddings = false, pooling = -1, device = false, loras = [] } = rest;
    const { load, modelDefaults, newContext, contextDefaults, freeModel, ...api } = library();
    const type = typeNamed(kvType);
    if (!type) throw new Error(`there is no type ${kvType}`);
    const model = load(path, {
      ...modelDefaults(),
      n_gpu_layers: device ? allLayers : 0,
      use_extra_bufts: repack,
      load_mode: loadModes[mode],
    });
    if (!model) throw new Error(`libllama cannot load ${path}: ${lastLog()}`);
    this.#watcher = watch && new Callback(callbacks.evaluate, watched(watch));
    const made = newContext(model, {
      ...contextDefaults(),
      ...(this.#watcher && { cb_eval: this.#watcher.address }),
      n_ctx: context,
      n_batch: batch,
      n_ubatch: batch,
      n_seq_max: sequences,
      kv_unified: true,
      swa_full: false,
      embeddings,
      pooling_type: pooling,
      n_threads: threads,
      n_threads_batch: threads,
      flash_attn_type: flashAttention,
      ...ropeParams(rope),
      type_k: type.id,
      type_v: type.id,
      offload_kqv: device,
      op_offload: device,
      no_perf: true,
    });
    if (!made) {
      freeModel(model);
      throw new Error(`libllama cannot make a context for ${path}: ${lastLog()}`);
    }
    const adapters = BigUint64Array.from(loras, ({ path }) => {
      const adapter = library().adapter(model, path);
      if (!adapter) throw new Error(`libllama cannot load ${path}: ${lastLog()}`);
      return adapter;
    });
    if (adapters.length > 0) {
      const scales = Float32Array.from(loras, ({ scale }) => scale);
      library().setAdapters(made, adapters, adapters.length, scales);
    }
    this.#model = model;
    this.#context = made;
    this.#batch = new BatchArrays({ batch, sequences });
    this.context = api.contextSize(made);
    this.vocabulary = api.vocabularySize(api.vocabulary(model));
  }

  /** Goes on with `tokens` of the first sequence, in one batch; the logits of all of them or of the last. */
  decode(tokens: readonly number[], which: 'all' | 'last' = 'all'): readonly Float32Array[] {
    const outputs = which === 'all' ? tokens.length : 1;
    return this.decodeSpans([{ sequence: 0, start: this.#length, tokens, outputs }]);
  }

  /** Computes spans of several sequences in one batch; their logits, one span after another. */
  decodeSpans(spans: readonly LlamaSpan[]): readonly Float32Array[] {
    const { decode, logits } = library();
    const status = decode(this.#context, this.#batch.fill(spans));
    if (status !== 0) throw new Error(`llama_decode failed with ${status}: ${lastLog()}`);
    let end = 0;
    return spans.flatMap(({ sequence, start, tokens, outputs }) => {
      if (sequence === 0) this.#length = start + tokens.length;
      end += tokens.length;
      return Array.from({ length: outputs }, (_, i) => {
        const row = logits(this.#context, end - outputs + i);
        if (!row) throw new Error(`libllama has no logits for token ${end - outputs + i}`);
        return new Float32Array(koffi.view(row, 4 * this.vocabulary)).slice();
      });
    });
  }

  /**
   * Computes whole texts in one batch; the embedding of each, pooled as the model's file says, else of its last token. Scores
   * where the file ranks.
   */
  embedSpans(spans: readonly LlamaSpan[]): readonly Float32Array[] {
    const { decode, encode, encodes, pooling, embeddings, pooled, dimensions, classes } = library();
    this.forget();
    const compute = encodes(this.#model) ? encode : decode;
    const status = compute(this.#context, this.#batch.fill(spans));
    if (status !== 0) throw new Error(`llama_decode failed with ${status}: ${lastLog()}`);
    const kind = pooling(this.#context);
    let end = 0;
    return spans.map(({ sequence, tokens }) => {
      end += tokens.length;
      const row = kind === poolings.none ? embeddings(this.#context, end - 1) : pooled(this.#context, sequence);
      if (!row) throw new Error(`libllama has no embedding of sequence ${sequence}`);
      const length = kind === poolings.rank ? classes(this.#model) : dimensions(this.#model);
      return new Float32Array(koffi.view(row, 4 * length)).slice();
    });
  }

  /** Forgets all tokens: the next one is the first of a text. */
  forget(): void {
    const { memory, clear } = library();
    const kept = memory(this.#context);
    if (kept) clear(kept, false);
    this.#length = 0;
  }

  [Symbol.dispose](): void {
    const { freeContext, freeModel } = library();
    freeContext(this.#context);
    freeModel(this.#model);
    this.#batch[Symbol.dispose]();
    this.#watcher?.[Symbol.dispose]();
  }
}
