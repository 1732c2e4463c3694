import koffi, { type TypeObject } from 'koffi';
import { EngineError } from '../base/errors.ts';
import { loadLibraries, type Pointer } from './library.ts';

/** Values of a struct's fields by name. */
export type Fields = Readonly<Record<string, number | boolean | Pointer | null>>;

/** Structs that libllama takes and returns by value. Fields are libllama's (`llama.h`), of exactly the version that we load. */
export const modelParams: TypeObject = koffi.struct('llama_model_params', {
  devices: 'void *',
  tensor_buft_overrides: 'void *',
  n_gpu_layers: 'int32_t',
  split_mode: 'int',
  load_mode: 'int',
  lazy_mode: 'int',
  main_gpu: 'int32_t',
  tensor_split: 'void *',
  progress_callback: 'void *',
  progress_callback_user_data: 'void *',
  kv_overrides: 'void *',
  vocab_only: 'bool',
  check_tensors: 'bool',
  use_extra_bufts: 'bool',
  no_host: 'bool',
  no_alloc: 'bool',
  load_mtp: 'bool',
});

export const contextParams: TypeObject = koffi.struct('llama_context_params', {
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

/** Arrays with an element for each token; `seq_id` points to a list of sequences for each. */
export const batchStruct: TypeObject = koffi.struct('llama_batch', {
  n_tokens: 'int32_t',
  token: 'void *',
  embd: 'void *',
  pos: 'void *',
  n_seq_id: 'void *',
  seq_id: 'void *',
  logits: 'void *',
});

/** Defaults of this version that are not zero: every other place of a field has another value. */
const modelDefaults: Fields = { n_gpu_layers: -1, split_mode: 1, load_mode: -1, lazy_mode: 1, use_extra_bufts: true };
const contextDefaults: Fields = {
  n_ctx: 512,
  n_batch: 2048,
  n_ubatch: 512,
  n_seq_max: 1,
  n_outputs_max_per_seq: 1,
  n_threads: 4,
  n_threads_batch: 4,
  rope_scaling_type: -1,
  pooling_type: -1,
  attention_type: -1,
  flash_attn_type: -1,
  yarn_ext_factor: -1,
  yarn_attn_factor: -1,
  yarn_beta_fast: -1,
  yarn_beta_slow: -1,
  defrag_thold: -1,
  type_k: 1,
  type_v: 1,
  offload_kqv: true,
  no_perf: true,
  op_offload: true,
  swa_full: true,
};

/** Functions that return structs by value. */
export interface DefaultParams {
  llama_model_default_params(): Fields;
  llama_context_default_params(): Fields;
}

/**
 * Compares the structs above with those that the library fills. Throws LIBRARY_DIFFERS: with another order, a model would
 * be loaded in another way than asked for.
 */
export function checkParams(api: DefaultParams): void {
  const differing = (found: Fields, defaults: Fields): readonly string[] =>
    Object.entries(found).flatMap(([field, value]) => (sameValue(value, defaults[field]) ? [] : [field]));
  const wrong = {
    llama_model_params: differing(api.llama_model_default_params(), modelDefaults),
    llama_context_params: differing(api.llama_context_default_params(), contextDefaults),
  };
  for (const [name, fields] of Object.entries(wrong)) {
    if (fields.length === 0) continue;
    const { folder } = loadLibraries();
    throw new EngineError('LIBRARY_DIFFERS', { folder, what: `struct ${name} has another ${fields.join(', ')}` });
  }
}

/** Is a field's value its default, zero unless it is given? */
const sameValue = (value: Fields[string], byDefault: Fields[string] = 0): boolean =>
  Number(value) === Number(byDefault);
