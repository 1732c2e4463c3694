import koffi, { type TypeObject } from 'koffi';
import { bindFunctions, type Libraries, loadLibraries, type Pointer } from './library.ts';
import { batchStruct, checkParams, contextParams, type Fields, modelParams } from './llama-structs.ts';
import { silenceLog } from './log.ts';

/**
 * The part of libllama's C API that builds graphs, and of ggml's that describes files. Names and arguments are those of
 * `llama.h` and `gguf.h`; a sequence is a number below the context's, positions count tokens.
 */
export interface LlamaGraphApi {
  // descriptions of files
  gguf_init_empty(): Pointer;
  /** Returns NULL on failure. */
  gguf_init_from_file(path: string, params: { no_alloc: boolean; ctx: null }): Pointer | null;
  gguf_free(gguf: Pointer): void;
  /** Copies all metadata of `source`. */
  gguf_set_kv(gguf: Pointer, source: Pointer): void;
  gguf_set_val_str(gguf: Pointer, key: string, value: string): void;
  gguf_set_val_u32(gguf: Pointer, key: string, value: number): void;
  gguf_set_val_f32(gguf: Pointer, key: string, value: number): void;
  gguf_remove_key(gguf: Pointer, key: string): number;
  gguf_add_tensor(gguf: Pointer, tensor: Pointer): void;
  ggml_set_name(tensor: Pointer, name: string): Pointer;

  // models
  llama_model_default_params(): Fields;
  /** Makes the tensors of a model and calls `setData` for each. Returns NULL on failure. */
  llama_model_init_from_user(gguf: Pointer, setData: Pointer, userData: Pointer, params: Fields): Pointer | null;
  llama_model_free(model: Pointer): void;
  llama_model_is_recurrent(model: Pointer): boolean;
  llama_model_is_hybrid(model: Pointer): boolean;
  llama_model_has_encoder(model: Pointer): boolean;
  llama_model_has_decoder(model: Pointer): boolean;
  llama_model_n_swa(model: Pointer): number;
  llama_model_n_embd_out(model: Pointer): number;
  llama_model_get_vocab(model: Pointer): Pointer;
  llama_vocab_n_tokens(vocabulary: Pointer): number;

  // adapters
  /** Reads an adapter's file; the model frees it. Returns NULL on failure. */
  llama_adapter_lora_init(model: Pointer, path: string): Pointer | null;
  /** Has graphs built from now on apply adapters, each with its factor; none with 0. */
  llama_set_adapters_lora(context: Pointer, adapters: BigUint64Array, count: number, scales: Float32Array): number;

  // contexts
  llama_context_default_params(): Fields;
  /** Returns NULL on failure. */
  llama_init_from_model(model: Pointer, params: Fields): Pointer | null;
  llama_free(context: Pointer): void;
  /** Returns 0, 1 where the memory has no room, or an error. */
  llama_decode(context: Pointer, batch: Fields): number;
  /** Computes whole texts, in which tokens see those behind them. */
  llama_encode(context: Pointer, batch: Fields): number;
  /** The address of the logits of a batch's token. */
  llama_get_logits_ith(context: Pointer, index: number): Pointer | null;

  // memory of a context: positions [p0, p1), -1 for all
  /** Returns NULL for a model that keeps nothing of a text. */
  llama_get_memory(context: Pointer): Pointer | null;
  llama_memory_clear(memory: Pointer, data: boolean): void;
  llama_memory_seq_rm(memory: Pointer, sequence: number, p0: number, p1: number): boolean;
  llama_memory_seq_cp(memory: Pointer, from: number, to: number, p0: number, p1: number): void;
  /** Returns -1 if the sequence is empty. */
  llama_memory_seq_pos_min(memory: Pointer, sequence: number): number;
  llama_memory_seq_pos_max(memory: Pointer, sequence: number): number;
  llama_state_seq_get_size_ext(context: Pointer, sequence: number, flags: number): number;
  /** Returns the number of bytes, 0 on failure. */
  llama_state_seq_get_data_ext(
    context: Pointer,
    bytes: Uint8Array,
    size: number,
    sequence: number,
    flags: number,
  ): number;
  llama_state_seq_set_data_ext(
    context: Pointer,
    bytes: Uint8Array,
    size: number,
    sequence: number,
    flags: number,
  ): number;
}

const signatures: { readonly [F in keyof LlamaGraphApi]: string } = {
  gguf_init_empty: 'void * ()',
  gguf_init_from_file: 'void * (const char *, gguf_init_params)',
  gguf_free: 'void (void *)',
  gguf_set_kv: 'void (void *, void *)',
  gguf_set_val_str: 'void (void *, const char *, const char *)',
  gguf_set_val_u32: 'void (void *, const char *, uint32_t)',
  gguf_set_val_f32: 'void (void *, const char *, float)',
  gguf_remove_key: 'int64_t (void *, const char *)',
  gguf_add_tensor: 'void (void *, void *)',
  ggml_set_name: 'void * (void *, const char *)',
  llama_model_default_params: 'llama_model_params ()',
  llama_model_init_from_user: 'void * (void *, void *, void *, llama_model_params)',
  llama_model_free: 'void (void *)',
  llama_model_is_recurrent: 'bool (void *)',
  llama_model_is_hybrid: 'bool (void *)',
  llama_model_has_encoder: 'bool (void *)',
  llama_model_has_decoder: 'bool (void *)',
  llama_model_n_swa: 'int32_t (void *)',
  llama_model_n_embd_out: 'int32_t (void *)',
  llama_model_get_vocab: 'void * (void *)',
  llama_vocab_n_tokens: 'int32_t (void *)',
  llama_adapter_lora_init: 'void * (void *, const char *)',
  llama_set_adapters_lora: 'int32_t (void *, void *, size_t, void *)',
  llama_context_default_params: 'llama_context_params ()',
  llama_init_from_model: 'void * (void *, llama_context_params)',
  llama_free: 'void (void *)',
  llama_get_logits_ith: 'void * (void *, int32_t)',
  llama_decode: 'int32_t (void *, llama_batch)',
  llama_encode: 'int32_t (void *, llama_batch)',
  llama_get_memory: 'void * (void *)',
  llama_memory_clear: 'void (void *, bool)',
  llama_memory_seq_rm: 'bool (void *, int32_t, int32_t, int32_t)',
  llama_memory_seq_cp: 'void (void *, int32_t, int32_t, int32_t, int32_t)',
  llama_memory_seq_pos_min: 'int32_t (void *, int32_t)',
  llama_memory_seq_pos_max: 'int32_t (void *, int32_t)',
  llama_state_seq_get_size_ext: 'size_t (void *, int32_t, uint32_t)',
  llama_state_seq_get_data_ext: 'size_t (void *, _Out_ uint8_t *, size_t, int32_t, uint32_t)',
  llama_state_seq_set_data_ext: 'size_t (void *, const uint8_t *, size_t, int32_t, uint32_t)',
};

/** Bit of the flags of `llama_state_seq_*`: only what cannot be cut anywhere, such as recurrent states and windows. */
export const partialState = 1;

/** C's `struct llama_model_tensor_buft_override`; a list of them ends with NULL. */
export const bufferOverride: TypeObject = koffi.struct('llama_model_tensor_buft_override', {
  pattern: 'void *',
  buft: 'void *',
});

/** C's `struct ggml_backend_buffer_type` (`ggml-backend-impl.h`): functions, a device and a context. */
export const bufferTypeStruct: TypeObject = koffi.struct('ggml_backend_buffer_type', {
  get_name: 'void *',
  alloc_buffer: 'void *',
  get_alignment: 'void *',
  get_max_size: 'void *',
  get_alloc_size: 'void *',
  is_host: 'void *',
  device: 'void *',
  context: 'void *',
});

type CallbackName = 'setData' | 'evaluate' | 'bufferName' | 'allocate' | 'set' | 'clear' | 'alignment' | 'isHost';

/** Signatures of functions that libllama calls. */
export const callbacks: Readonly<Record<CallbackName, TypeObject>> = {
  setData: koffi.proto('void llama_set_tensor_data(void *tensor, void *user_data)'),
  evaluate: koffi.proto('bool ggml_eval_callback(void *tensor, bool ask, void *user_data)'),
  bufferName: koffi.proto('void *ggml_buffer_name(void *type)'),
  allocate: koffi.proto('void *ggml_buffer_allocate(void *type, size_t bytes)'),
  set: koffi.proto('void ggml_buffer_set(void *buffer, void *tensor, void *data, size_t offset, size_t size)'),
  clear: koffi.proto('void ggml_buffer_clear(void *buffer, uint8_t value)'),
  alignment: koffi.proto('size_t ggml_buffer_alignment(void *type)'),
  isHost: koffi.proto('bool ggml_buffer_is_host(void *type)'),
};

function bind({ base, llama }: Libraries): LlamaGraphApi {
  koffi.struct('gguf_init_params', { no_alloc: 'bool', ctx: 'void *' });
  return bindFunctions<LlamaGraphApi>(signatures, (name) => (name.startsWith('llama_') ? llama : base));
}

let table: LlamaGraphApi | undefined;

/** Loads libllama, once per process, silenced. Throws LIBRARY_MISSING, LIBRARY_DIFFERS. */
export function loadLlamaGraphs(): LlamaGraphApi {
  if (!table) {
    const libraries = loadLibraries();
    silenceLog();
    // Named in signatures.
    for (const struct of [modelParams, contextParams, batchStruct]) koffi.sizeof(struct);
    const api = bind(libraries);
    checkParams(api);
    table = api;
  }
  return table;
}
