import koffi, { type KoffiFunc } from 'koffi';
import type { RopeOptions } from '../src/arch/rope.ts';
import { loadGgml } from '../src/ggml/api.ts';
import { loadLibraries, type Pointer } from '../src/ggml/library.ts';
import { loadLlama } from '../src/ggml/llama.ts';
import { lastLog } from '../src/ggml/log.ts';
import { NativeArray } from '../src/ggml/native-array.ts';
import { typeNamed } from '../src/gguf/types.ts';

/** llama_batch: pointers to arrays of `n_tokens`; NULL positions go on from the last, NULL sequences are sequence 0. */
interface Batch {
  readonly n_tokens: number;
  readonly token: Pointer;
  readonly logits: Pointer;
}

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
  readonly decode: (context: Pointer, batch: Batch) => number;
  readonly logits: (context: Pointer, index: number) => Pointer | null;
  readonly memory: (context: Pointer) => Pointer;
  readonly clear: (memory: Pointer, data: boolean) => void;
}

/** Libllama's way of loading: LLAMA_LOAD_MODE_NONE and _MMAP. Mapping aborts the process where tensors are not aligned to 32 bytes. */
const loadModes = { read: 0, mmap: 1 } as const;
const flashAttention = 1; // LLAMA_FLASH_ATTN_TYPE_ENABLED
/** LLAMA_ROPE_SCALING_TYPE_NONE, _LINEAR and _YARN. */
const ropeScalings = { none: 0, linear: 1, yarn: 2 } as const;

function bind(): Functions {
  loadGgml(); // registers the backends
  const { llama } = loadLibraries();
  loadLlama(); // defines llama_model_params
  const modelParams = 'llama_model_params';
  const contextParams = koffi.struct({
    n_ctx: 'uint32_t',
    n_batch: 'uint32_t',
    n_ubatch: 'uint32_t',
    n_seq_max: 'uint32_t',
    n_rs_seq: 'uint32_t',
    n_outputs_max: 'uint32_t',
    n_outputs_max_per_seq: 'uint32_t',
    n_threads: 'int32_t',
    n_threads_batch: 'int32_t',
    ctx_type: 'int',
    rope_scaling_type: 'int',
    pooling_type: 'int',
    attention_type: 'int',
    flash_attn_type: 'int',
    rope_freq_base: 'float',
    rope_freq_scale: 'float',
    yarn_ext_factor: 'float',
    yarn_attn_factor: 'float',
    yarn_beta_fast: 'float',
    yarn_beta_slow: 'float',
    yarn_orig_ctx: 'uint32_t',
    defrag_thold: 'float',
    cb_eval: 'void *',
    cb_eval_user_data: 'void *',
    type_k: 'int',
    type_v: 'int',
    abort_callback: 'void *',
    abort_callback_data: 'void *',
    embeddings: 'bool',
    offload_kqv: 'bool',
    no_perf: 'bool',
    op_offload: 'bool',
    swa_full: 'bool',
    kv_unified: 'bool',
    samplers: 'void *',
    n_samplers: 'size_t',
    ctx_other: 'void *',
  });
  const batch = koffi.struct({
    n_tokens: 'int32_t',
    token: 'void *',
    embd: 'void *',
    pos: 'void *',
    n_seq_id: 'void *',
    seq_id: 'void *',
    logits: 'void *',
  });
  const decode = llama.func('llama_decode', 'int32_t', ['void *', batch]) as KoffiFunc<
    (context: Pointer, batch: Params) => number
  >;
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
    decode: (context, own) => decode(context, { ...own, embd: null, pos: null, n_seq_id: null, seq_id: null }),
    logits: llama.func('void *llama_get_logits_ith(void *, int32_t)'),
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
  /** Convert weights to the fastest kernel layout, as libllama does by default; false unless given. */
  readonly repack?: boolean;
  /** ggml's name of what keys and values are stored as; f16 unless given. */
  readonly kvType?: string;
  /** Changes to the rotation that the metadata describe. */
  readonly rope?: RopeOptions | undefined;
}

/** libllama's own forward pass over one file, on the CPU: what we are compared with, in results and in speed. */
export class Libllama implements Disposable {
  readonly vocabulary: number;
  /** Tokens; what was asked for, rounded up to a multiple of 256. */
  readonly context: number;
  readonly #model: Pointer;
  readonly #context: Pointer;

  constructor(
    path: string,
    { context, threads, batch = context, load: mode = 'read', repack = false, kvType = 'f16', rope }: LibllamaOptions,
  ) {
    const { load, modelDefaults, newContext, contextDefaults, freeModel, ...api } = library();
    const type = typeNamed(kvType);
    if (!type) throw new Error(`there is no type ${kvType}`);
    const model = load(path, {
      ...modelDefaults(),
      n_gpu_layers: 0,
      use_extra_bufts: repack,
      load_mode: loadModes[mode],
    });
    if (!model) throw new Error(`libllama cannot load ${path}: ${lastLog()}`);
    const made = newContext(model, {
      ...contextDefaults(),
      n_ctx: context,
      n_batch: batch,
      n_ubatch: batch,
      n_threads: threads,
      n_threads_batch: threads,
      flash_attn_type: flashAttention,
      ...ropeParams(rope),
      type_k: type.id,
      type_v: type.id,
      offload_kqv: false,
      op_offload: false,
      no_perf: true,
    });
    if (!made) {
      freeModel(model);
      throw new Error(`libllama cannot make a context for ${path}: ${lastLog()}`);
    }
    this.#model = model;
    this.#context = made;
    this.context = api.contextSize(made);
    this.vocabulary = api.vocabularySize(api.vocabulary(model));
  }

  /** Goes on with `tokens`, in one batch; the logits of all of them or of the last. */
  decode(tokens: readonly number[], which: 'all' | 'last' = 'all'): readonly Float32Array[] {
    const { decode, logits } = library();
    using token = new NativeArray(4 * tokens.length);
    using wanted = new NativeArray(tokens.length);
    token.int32.set(tokens);
    wanted.bytes.fill(1, which === 'all' ? 0 : tokens.length - 1);
    const batch = { n_tokens: tokens.length, token: token.address, logits: wanted.address };
    const status = decode(this.#context, batch);
    if (status !== 0) throw new Error(`llama_decode failed with ${status}: ${lastLog()}`);
    const indices = [...wanted.bytes.keys()].filter((i) => wanted.bytes[i]);
    return indices.map((i) => {
      const row = logits(this.#context, i);
      if (!row) throw new Error(`libllama has no logits for token ${i}`);
      return new Float32Array(koffi.view(row, 4 * this.vocabulary)).slice();
    });
  }

  /** Forgets all tokens: the next one is the first of a text. */
  forget(): void {
    const { memory, clear } = library();
    clear(memory(this.#context), false);
  }

  [Symbol.dispose](): void {
    const { freeContext, freeModel } = library();
    freeContext(this.#context);
    freeModel(this.#model);
  }
}
