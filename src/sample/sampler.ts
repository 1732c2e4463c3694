import { randomInt } from 'node:crypto';
import type { Pointer } from '../ggml/library.ts';
import { type Llama, loadLlama, type TokenDataArray } from '../ggml/llama.ts';
import { NativeArray } from '../ggml/native-array.ts';
import { type GivenSampling, type SamplingOptions, samplingOptions } from './options.ts';

// llama_token_data: id (int32), logit (float32), p (float32)
const candidateWords = 3;

// Infinities and NaN would make every probability NaN; no model has logits this large.
const largest = 1e9;

// Below this a division by the temperature could overflow, and the best token has probability 1 anyway.
const coldest = 1e-6;

const randomSeed = (): number => randomInt(2 ** 32 - 1);

function stages(llama: Llama, options: SamplingOptions, seed: number, vocabulary: number): readonly Pointer[] {
  const { repeatLastN, repeatPenalty, frequencyPenalty, presencePenalty, topK, topP, minP, temperature } = options;
  const penalties = repeatPenalty !== 1 || frequencyPenalty !== 0 || presencePenalty !== 0;
  return [
    ...(penalties && repeatLastN > 0
      ? [llama.llama_sampler_init_penalties(vocabulary, repeatLastN, repeatPenalty, frequencyPenalty, presencePenalty)]
      : []),
    ...(temperature < coldest
      ? [llama.llama_sampler_init_greedy()]
      : [
          ...(topK > 0 ? [llama.llama_sampler_init_top_k(topK)] : []),
          ...(topP < 1 ? [llama.llama_sampler_init_top_p(topP, 1)] : []),
          ...(minP > 0 ? [llama.llama_sampler_init_min_p(minP, 1)] : []),
          llama.llama_sampler_init_temp(temperature),
          llama.llama_sampler_init_dist(seed),
        ]),
  ];
}

/** Chooses tokens for one sequence. */
export class Sampler implements Disposable {
  /** The seed in use, also when none was given. */
  readonly seed: number;
  readonly #vocabulary: number;
  readonly #llama: Llama;
  readonly #chain: Pointer;
  readonly #candidates: NativeArray;

  /** `vocabulary` is the number of logits. Throws BAD_OPTION, LIBRARY_MISSING. */
  constructor(vocabulary: number, given: GivenSampling = {}) {
    const options = samplingOptions(given);
    this.seed = options.seed ?? randomSeed();
    this.#vocabulary = vocabulary;
    this.#llama = loadLlama();
    this.#chain = this.#llama.newSamplerChain();
    this.#candidates = new NativeArray(vocabulary * candidateWords * 4);
    for (const stage of stages(this.#llama, options, this.seed, vocabulary)) {
      this.#llama.llama_sampler_chain_add(this.#chain, stage);
    }
  }

  /** Chooses a token; `logits` are (vocabulary), float32, and stay as they are. NaN is never chosen over a number. */
  sample(logits: Float32Array): number {
    const array: TokenDataArray = {
      data: this.#candidates.address,
      size: this.#vocabulary,
      selected: -1,
      sorted: false,
    };
    this.#write(logits);
    this.#llama.llama_sampler_apply(this.#chain, array);
    return this.#candidates.int32[array.selected * candidateWords] ?? 0;
  }

  /** Counts a token of the prompt or the answer as seen, for the penalties. */
  accept(token: number): void {
    this.#llama.llama_sampler_accept(this.#chain, token);
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
}
