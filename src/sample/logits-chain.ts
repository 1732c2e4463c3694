import { at } from '../base/at.ts';
import type { Pointer } from '../ggml/library.ts';
import { type Llama, loadLlama, type TokenDataArray } from '../ggml/llama.ts';
import { NativeArray } from '../ggml/native-array.ts';
import type { TokenSet } from '../grammar/token-index.ts';
import type { ReadonlyTokens } from '../text/token-list.ts';
import { certain, type Distribution } from './distribution.ts';
import { type PartialSamplingOptions, type SamplingOptions, samplingOptions } from './sampling-options.ts';

// llama_token_data: id (int32), logit (float32), p (float32)
const candidateWords = 3;

// Infinities and NaN would make every probability NaN; no model has logits this large. Libllama sorts by logits times
// 6.4 as int32, and penalties make them 100 times as large at most: an overflow would come last.
const largest = 1e6;

// Divisions by a lower temperature could overflow, and the best token has probability 1 anyway.
const coldest = 1e-6;

const hasPenalties = (options: SamplingOptions): boolean =>
  options.repeatLastN > 0 &&
  (options.repeatPenalty !== 1 || options.frequencyPenalty !== 0 || options.presencePenalty !== 0);

function samplersOf(llama: Llama, options: SamplingOptions, vocabulary: number): readonly Pointer[] {
  const { repeatLastN, repeatPenalty, frequencyPenalty, presencePenalty, topK, topP, minP, temperature } = options;
  return [
    ...(hasPenalties(options)
      ? [llama.llama_sampler_init_penalties(vocabulary, repeatLastN, repeatPenalty, frequencyPenalty, presencePenalty)]
      : []),
    ...(temperature < coldest
      ? [llama.llama_sampler_init_greedy()]
      : [
          ...(topK > 0 ? [llama.llama_sampler_init_top_k(topK)] : []),
          ...(topP < 1 ? [llama.llama_sampler_init_top_p(topP, 1)] : []),
          ...(minP > 0 ? [llama.llama_sampler_init_min_p(minP, 1)] : []),
          llama.llama_sampler_init_temp(temperature),
        ]),
  ];
}

/** Gives each token its probability of being chosen: libllama's stages of sampling, short of drawing. */
export class LogitsChain implements Disposable {
  readonly #vocabulary: number;
  readonly #options: SamplingOptions;
  readonly #llama: Llama;
  readonly #chain: Pointer;
  readonly #candidates: NativeArray;

  /** A sampler over `vocabulary` logits. Throws BAD_OPTION, LIBRARY_MISSING. */
  constructor(vocabulary: number, given: PartialSamplingOptions = {}) {
    this.#options = samplingOptions(given);
    this.#vocabulary = vocabulary;
    this.#llama = loadLlama();
    this.#chain = this.#llama.newSamplerChain();
    this.#candidates = new NativeArray(vocabulary * candidateWords * 4);
    for (const sampler of samplersOf(this.#llama, this.#options, vocabulary)) {
      this.#llama.llama_sampler_chain_add(this.#chain, sampler);
    }
  }

  /**
   * The distribution of the token after `text`; the penalties look at the last tokens of that. `logits` are
   * (vocabulary), float32, and stay as they are. NaN is never preferred to a number. Tokens that are not `allowed` are
   * impossible; at least one has to be.
   */
  distribution(logits: Float32Array, text: ReadonlyTokens, allowed?: TokenSet): Distribution {
    const array: TokenDataArray = {
      data: this.#candidates.address,
      size: this.#write(logits, allowed),
      selected: -1,
      sorted: false,
    };
    if (hasPenalties(this.#options)) {
      this.#llama.llama_sampler_reset(this.#chain);
      for (let back = Math.min(this.#options.repeatLastN, text.length); back > 0; back -= 1) {
        const token = text.at(-back);
        if (token !== undefined) this.#llama.llama_sampler_accept(this.#chain, token);
      }
    }
    this.#llama.llama_sampler_apply(this.#chain, array);
    if (array.selected >= 0) return certain(at(this.#candidates.int32, array.selected * candidateWords));
    return this.#softmax(array.size);
  }

  [Symbol.dispose](): void {
    this.#llama.llama_sampler_free(this.#chain);
    this.#candidates[Symbol.dispose]();
  }

  /** Writes the candidates; returns their number. */
  // The stages reorder the candidates, so the ids are written anew each time. A draft model may have fewer tokens.
  #write(logits: Float32Array, allowed: TokenSet | undefined): number {
    const { int32, float32 } = this.#candidates;
    let word = 0;
    for (let id = 0; id < this.#vocabulary; id += 1) {
      if (allowed && !allowed.has(id)) continue;
      const logit = id < logits.length ? (logits[id] as number) : -largest;
      int32[word] = id;
      float32[word + 1] = logit > -largest ? Math.min(logit, largest) : -largest;
      word += candidateWords;
    }
    return word / candidateWords;
  }

  /** The distribution of the first `count` candidates, which are those that the stages kept. */
  #softmax(count: number): Distribution {
    const { int32, float32 } = this.#candidates;
    const tokens = new Int32Array(count);
    const probabilities = new Float32Array(count);
    let most = Number.NEGATIVE_INFINITY;
    for (let i = 0, word = 0; i < count; i += 1, word += candidateWords) {
      const logit = float32[word + 1] as number;
      tokens[i] = int32[word] as number;
      probabilities[i] = logit;
      most = Math.max(most, logit);
    }
    const powers = probabilities.map((logit) => Math.exp(logit - most));
    const sum = powers.reduce((a, b) => a + b, 0);
    return { tokens, probabilities: powers.map((power) => power / sum) };
  }
}
