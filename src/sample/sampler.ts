import type { Pointer } from '../ggml/library.ts';
import { type Llama, loadLlama, type TokenDataArray } from '../ggml/llama.ts';
import { NativeArray } from '../ggml/native-array.ts';
import { certain, type Distribution } from './distribution.ts';
import { type GivenSampling, type SamplingOptions, samplingOptions } from './options.ts';

// llama_token_data: id (int32), logit (float32), p (float32)
const candidateWords = 3;

// Infinities and NaN would make every probability NaN; no model has logits this large. libllama sorts by logits times 6.4
// as int32, and penalties make them 100 times as large at most: what overflows would come last.
const largest = 1e6;

// Below this a division by the temperature could overflow, and the best token has probability 1 anyway.
const coldest = 1e-6;

const hasPenalties = (options: SamplingOptions): boolean =>
  options.repeatLastN > 0 &&
  (options.repeatPenalty !== 1 || options.frequencyPenalty !== 0 || options.presencePenalty !== 0);

function stages(llama: Llama, options: SamplingOptions, vocabulary: number): readonly Pointer[] {
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

/** Says how likely each token is to be chosen: libllama's stages of sampling, short of drawing. */
export class Sampler implements Disposable {
  readonly #vocabulary: number;
  readonly #options: SamplingOptions;
  readonly #llama: Llama;
  readonly #chain: Pointer;
  readonly #candidates: NativeArray;

  /** `vocabulary` is the number of logits. Throws BAD_OPTION, LIBRARY_MISSING. */
  constructor(vocabulary: number, given: GivenSampling = {}) {
    this.#options = samplingOptions(given);
    this.#vocabulary = vocabulary;
    this.#llama = loadLlama();
    this.#chain = this.#llama.newSamplerChain();
    this.#candidates = new NativeArray(vocabulary * candidateWords * 4);
    for (const stage of stages(this.#llama, this.#options, vocabulary)) {
      this.#llama.llama_sampler_chain_add(this.#chain, stage);
    }
  }

  /**
   * What may come after `text`, of which the penalties look at the last tokens. `logits` are (vocabulary), float32, and
   * stay as they are. NaN is never preferred to a number.
   */
  distribution(logits: Float32Array, text: readonly number[]): Distribution {
    const array: TokenDataArray = {
      data: this.#candidates.address,
      size: this.#vocabulary,
      selected: -1,
      sorted: false,
    };
    if (hasPenalties(this.#options)) {
      this.#llama.llama_sampler_reset(this.#chain);
      for (const token of text.slice(-this.#options.repeatLastN)) {
        this.#llama.llama_sampler_accept(this.#chain, token);
      }
    }
    this.#write(logits);
    this.#llama.llama_sampler_apply(this.#chain, array);
    if (array.selected >= 0) return certain(this.#candidates.int32[array.selected * candidateWords] ?? 0);
    return this.#softmax(array.size);
  }

  [Symbol.dispose](): void {
    this.#llama.llama_sampler_free(this.#chain);
    this.#candidates[Symbol.dispose]();
  }

  // The stages reorder the candidates, so the ids are written anew each time.
  #write(logits: Float32Array): void {
    const { int32, float32 } = this.#candidates;
    for (let id = 0, at = 0; id < this.#vocabulary; id++, at += candidateWords) {
      const logit = logits[id] ?? Number.NaN;
      int32[at] = id;
      float32[at + 1] = logit > -largest ? Math.min(logit, largest) : -largest;
    }
  }

  /** Of the first `count` candidates, which are those that the stages kept. */
  #softmax(count: number): Distribution {
    const { int32, float32 } = this.#candidates;
    const tokens = new Int32Array(count);
    const probabilities = new Float32Array(count);
    let most = Number.NEGATIVE_INFINITY;
    for (let i = 0, at = 0; i < count; i += 1, at += candidateWords) {
      tokens[i] = int32[at] ?? 0;
      probabilities[i] = float32[at + 1] ?? 0;
      most = Math.max(most, probabilities[i] ?? 0);
    }
    const powers = probabilities.map((logit) => Math.exp(logit - most));
    const sum = powers.reduce((a, b) => a + b, 0);
    return { tokens, probabilities: powers.map((power) => power / sum) };
  }
}
