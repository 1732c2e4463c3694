import koffi from 'koffi';
import { loadLibraries, type Pointer } from './library.ts';
import { modelParams } from './llama-structs.ts';
import { silenceLog } from './log.ts';

/** The part of libllama's C API that tokenizes and samples. Names and arguments are libllama's (`llama.h`). */
export interface Llama {
  /**
   * Loads the vocabulary of a GGUF file and no weights. Only the first file of a split model is opened. Returns NULL on
   * failure. Texts are split into words as the file says, or as usual.
   */
  loadVocabularyModel(path: string, split: 'own' | 'usual'): Pointer;
  llama_model_free(model: Pointer): void;
  llama_model_get_vocab(model: Pointer): Pointer;
  /** Writes a metadata value as a C string. Returns its bytes, or a negative number if there is none. */
  llama_model_meta_val_str(model: Pointer, key: string, value: Uint8Array, capacity: number): number;

  /** One of `vocabularyTypes`, or another number for a kind that no model here has. */
  llama_vocab_type(vocab: Pointer): number;
  llama_vocab_n_tokens(vocab: Pointer): number;
  llama_vocab_bos(vocab: Pointer): number;
  llama_vocab_eos(vocab: Pointer): number;
  llama_vocab_sep(vocab: Pointer): number;
  /** Tokens for filling in: what comes before, behind, and where the model begins; of files, their separator. */
  llama_vocab_fim_pre(vocab: Pointer): number;
  llama_vocab_fim_suf(vocab: Pointer): number;
  llama_vocab_fim_mid(vocab: Pointer): number;
  llama_vocab_fim_rep(vocab: Pointer): number;
  llama_vocab_fim_sep(vocab: Pointer): number;
  llama_vocab_get_add_bos(vocab: Pointer): boolean;
  llama_vocab_get_add_eos(vocab: Pointer): boolean;
  llama_vocab_get_add_sep(vocab: Pointer): boolean;
  llama_vocab_is_eog(vocab: Pointer, token: number): boolean;
  llama_vocab_is_control(vocab: Pointer, token: number): boolean;
  llama_vocab_get_text(vocab: Pointer, token: number): string;
  /** Bits of `tokenAttributes`. */
  llama_vocab_get_attr(vocab: Pointer, token: number): number;
  /** Returns the number of tokens, or minus the number that `tokens` would have to hold. */
  llama_tokenize(
    vocab: Pointer,
    text: Uint8Array,
    textBytes: number,
    tokens: Int32Array,
    capacity: number,
    addSpecial: boolean,
    parseSpecial: boolean,
  ): number;
  /** Returns the number of bytes, or minus the number that `piece` would have to hold. */
  llama_token_to_piece(
    vocab: Pointer,
    token: number,
    piece: Uint8Array,
    capacity: number,
    lstrip: number,
    special: boolean,
  ): number;

  /** An empty sampler chain. */
  newSamplerChain(): Pointer;
  llama_sampler_chain_add(chain: Pointer, sampler: Pointer): void;
  llama_sampler_free(chain: Pointer): void;
  llama_sampler_reset(chain: Pointer): void;
  llama_sampler_accept(chain: Pointer, token: number): void;
  /** Applies the chain to the candidates; `array` is changed in place. */
  llama_sampler_apply(chain: Pointer, array: TokenDataArray): void;
  llama_sampler_init_greedy(): Pointer;
  llama_sampler_init_top_k(k: number): Pointer;
  llama_sampler_init_top_p(p: number, minKeep: number): Pointer;
  llama_sampler_init_min_p(p: number, minKeep: number): Pointer;
  llama_sampler_init_temp(temperature: number): Pointer;
  llama_sampler_init_temp_ext(temperature: number, range: number, exponent: number): Pointer;
  llama_sampler_init_top_n_sigma(n: number): Pointer;
  llama_sampler_init_typical(p: number, minKeep: number): Pointer;
  llama_sampler_init_xtc(probability: number, threshold: number, minKeep: number, seed: number): Pointer;
  llama_sampler_clone(sampler: Pointer): Pointer;
  llama_sampler_init_dry(
    vocab: Pointer,
    multiplier: number,
    base: number,
    allowedLength: number,
    lastN: number,
    breakers: readonly string[],
    breakerCount: number,
  ): Pointer;
  llama_sampler_init_penalties(
    vocabulary: number,
    lastN: number,
    repeat: number,
    frequency: number,
    presence: number,
  ): Pointer;
}

/**
 * llama_token_data_array: `data` is the address of `size` candidates of 12 bytes (id int32, logit float32, p float32).
 */
export interface TokenDataArray {
  data: Pointer;
  size: number;
  /** Index of the chosen candidate in `data`, or -1. */
  selected: number;
  sorted: boolean;
}

/** Values of C's `enum llama_vocab_type`. */
export const vocabularyTypes = {
  none: 0,
  sentencePiece: 1,
  bytePair: 2,
  wordPiece: 3,
  unigram: 4,
  rwkv: 5,
  plamo2: 6,
} as const;

/** Some of C's `enum llama_token_attr`. */
export const tokenAttributes = { unknown: 1, control: 8, userDefined: 16, stripsLeft: 128, stripsRight: 256 } as const;

let table: Llama | undefined;

/** Loads libllama, once per process, silenced. Throws LIBRARY_MISSING. */
export function loadLlama(): Llama {
  if (table) return table;
  const { llama } = loadLibraries();
  silenceLog();

  koffi.struct('llama_token_data_array', { data: 'void *', size: 'size_t', selected: 'int64_t', sorted: 'bool' });
  koffi.struct('llama_sampler_chain_params', { no_perf: 'bool' });

  const override = koffi.struct('llama_model_kv_override', {
    tag: 'int',
    key: koffi.array('char', 128, 'String'),
    integer: 'int64_t',
    restOfUnion: koffi.array('uint8_t', 120),
  });
  // The tokenizer is in the first file; libllama would also open the others, and aborts on some damage in them.
  const oneFile = { tag: 0, key: 'split.count', integer: 1n, restOfUnion: new Uint8Array(120) };
  const text = Buffer.alloc(128, 'default\0', 'latin1').fill(0, 8);
  const usualSplit = {
    tag: 3,
    key: 'tokenizer.ggml.pre',
    integer: text.readBigInt64LE(0),
    restOfUnion: text.subarray(8),
  };
  const overridesOf = (...given: readonly (typeof oneFile)[]): unknown => {
    // An empty key ends them.
    const array = koffi.alloc(override, given.length + 1);
    koffi.encode(array, koffi.array(override, given.length), given);
    return array;
  };
  const overrides = { own: overridesOf(oneFile), usual: overridesOf(oneFile, usualSplit) };

  const defaults = llama.func('llama_model_default_params', modelParams, []);
  const load = llama.func('llama_model_load_from_file', 'void *', ['str', modelParams]);
  const chainDefaults = llama.func('llama_sampler_chain_params llama_sampler_chain_default_params()');
  const chainInit = llama.func('void *llama_sampler_chain_init(llama_sampler_chain_params)');

  table = {
    loadVocabularyModel: (path, split) =>
      load(path, { ...defaults(), vocab_only: true, kv_overrides: overrides[split] }) ?? 0n,
    newSamplerChain: () => chainInit(chainDefaults()),
    llama_model_free: llama.func('void llama_model_free(void *)'),
    llama_model_get_vocab: llama.func('void *llama_model_get_vocab(void *)'),
    llama_model_meta_val_str: llama.func(
      'int32_t llama_model_meta_val_str(void *, const char *, _Out_ uint8_t *, size_t)',
    ),
    llama_vocab_type: llama.func('int llama_vocab_type(void *)'),
    llama_vocab_n_tokens: llama.func('int32_t llama_vocab_n_tokens(void *)'),
    llama_vocab_bos: llama.func('int32_t llama_vocab_bos(void *)'),
    llama_vocab_eos: llama.func('int32_t llama_vocab_eos(void *)'),
    llama_vocab_sep: llama.func('int32_t llama_vocab_sep(void *)'),
    llama_vocab_fim_pre: llama.func('int32_t llama_vocab_fim_pre(void *)'),
    llama_vocab_fim_suf: llama.func('int32_t llama_vocab_fim_suf(void *)'),
    llama_vocab_fim_mid: llama.func('int32_t llama_vocab_fim_mid(void *)'),
    llama_vocab_fim_rep: llama.func('int32_t llama_vocab_fim_rep(void *)'),
    llama_vocab_fim_sep: llama.func('int32_t llama_vocab_fim_sep(void *)'),
    llama_vocab_get_add_bos: llama.func('bool llama_vocab_get_add_bos(void *)'),
    llama_vocab_get_add_eos: llama.func('bool llama_vocab_get_add_eos(void *)'),
    llama_vocab_get_add_sep: llama.func('bool llama_vocab_get_add_sep(void *)'),
    llama_vocab_is_eog: llama.func('bool llama_vocab_is_eog(void *, int32_t)'),
    llama_vocab_is_control: llama.func('bool llama_vocab_is_control(void *, int32_t)'),
    llama_vocab_get_text: llama.func('const char *llama_vocab_get_text(void *, int32_t)'),
    llama_vocab_get_attr: llama.func('int llama_vocab_get_attr(void *, int32_t)'),
    llama_tokenize: llama.func(
      'int32_t llama_tokenize(void *, const void *, int32_t, _Out_ int32_t *, int32_t, bool, bool)',
    ),
    llama_token_to_piece: llama.func(
      'int32_t llama_token_to_piece(void *, int32_t, _Out_ uint8_t *, int32_t, int32_t, bool)',
    ),
    llama_sampler_chain_add: llama.func('void llama_sampler_chain_add(void *, void *)'),
    llama_sampler_free: llama.func('void llama_sampler_free(void *)'),
    llama_sampler_reset: llama.func('void llama_sampler_reset(void *)'),
    llama_sampler_accept: llama.func('void llama_sampler_accept(void *, int32_t)'),
    llama_sampler_apply: llama.func('void llama_sampler_apply(void *, _Inout_ llama_token_data_array *)'),
    llama_sampler_init_greedy: llama.func('void *llama_sampler_init_greedy()'),
    llama_sampler_init_top_k: llama.func('void *llama_sampler_init_top_k(int32_t)'),
    llama_sampler_init_top_p: llama.func('void *llama_sampler_init_top_p(float, size_t)'),
    llama_sampler_init_min_p: llama.func('void *llama_sampler_init_min_p(float, size_t)'),
    llama_sampler_init_temp: llama.func('void *llama_sampler_init_temp(float)'),
    llama_sampler_init_temp_ext: llama.func('void *llama_sampler_init_temp_ext(float, float, float)'),
    llama_sampler_init_top_n_sigma: llama.func('void *llama_sampler_init_top_n_sigma(float)'),
    llama_sampler_init_typical: llama.func('void *llama_sampler_init_typical(float, size_t)'),
    llama_sampler_init_xtc: llama.func('void *llama_sampler_init_xtc(float, float, size_t, uint32_t)'),
    llama_sampler_clone: llama.func('void *llama_sampler_clone(void *)'),
    llama_sampler_init_dry: llama.func(
      'void *llama_sampler_init_dry(void *, float, float, int32_t, int32_t, const char **, size_t)',
    ),
    llama_sampler_init_penalties: llama.func(
      'void *llama_sampler_init_penalties(int32_t, int32_t, float, float, float)',
    ),
  };
  return table;
}
