import { loadLibraries, type Pointer } from '../../src/ggml/library.ts';
import { loadLlama, type TokenDataArray } from '../../src/ggml/llama.ts';
import { NativeArray } from '../../src/ggml/native-array.ts';

// llama_token_data: id (int32), logit (float32), p (float32)
const candidateWords = 3;

/** Libllama's own grammar over the vocabulary of a GGUF file, as the oracle of ours. It ends the process on some grammars. */
export class LlamaGrammar implements Disposable {
  readonly #model: Pointer;
  readonly #sampler: Pointer;
  readonly #size: number;
  readonly #candidates: NativeArray;

  constructor(file: string, gbnf: string) {
    const api = loadLlama();
    const init = loadLibraries().llama.func('void *llama_sampler_init_grammar(void *, const char *, const char *)');
    this.#model = api.loadVocabularyModel(file, 'own');
    const vocab = api.llama_model_get_vocab(this.#model);
    this.#size = api.llama_vocab_n_tokens(vocab);
    this.#sampler = init(vocab, gbnf, 'root');
    this.#candidates = new NativeArray(this.#size * candidateWords * 4);
  }

  /** The tokens that may come next. */
  allowed(): ReadonlySet<number> {
    const { int32, float32, address } = this.#candidates;
    for (let id = 0; id < this.#size; id += 1) {
      int32[id * candidateWords] = id;
      float32[id * candidateWords + 1] = 0;
    }
    const array: TokenDataArray = { data: address, size: this.#size, selected: -1, sorted: false };
    loadLlama().llama_sampler_apply(this.#sampler, array);
    const all = Array.from({ length: this.#size }, (_, id) => id);
    return new Set(all.filter((id) => float32[id * candidateWords + 1] === 0));
  }

  /** Goes on with a token, which has to be allowed. */
  accept(token: number): void {
    loadLlama().llama_sampler_accept(this.#sampler, token);
  }

  [Symbol.dispose](): void {
    loadLlama().llama_sampler_free(this.#sampler);
    loadLlama().llama_model_free(this.#model);
    this.#candidates[Symbol.dispose]();
  }
}
