import { at } from '../base/at.ts';
import type { ReadonlyTokens } from '../text/token-list.ts';
import { type Chance, freeChance, type Guess, seededChance } from './chance.ts';
import { type GivenSampling, type SamplingOptions, samplingOptions } from './options.ts';
import { Sampler } from './sampler.ts';

/** The most candidates that a draft token is drawn from: their probabilities are kept until it is verified. */
const mostGuessed = 1024;

/** Chooses the tokens of one text. */
export class Chooser implements Disposable {
  readonly #vocabulary: number;
  readonly #options: SamplingOptions;
  readonly #bias: ReadonlyMap<number, number>;
  readonly #chance: Chance;
  readonly #sampler: Sampler;
  /** The sampler of drafts; made when the first one is asked for. */
  #guesser: Sampler | undefined;

  /**
   * A chooser over `vocabulary` logits; `bias` is added to those of tokens; `random` gives numbers from 0 to 1, less
   * than 1, where there is no seed. Throws BAD_OPTION, LIBRARY_MISSING.
   */
  constructor(
    vocabulary: number,
    sampling: GivenSampling,
    bias: ReadonlyMap<number, number> = new Map(),
    random: () => number = Math.random,
  ) {
    this.#options = samplingOptions(sampling);
    const { seed } = this.#options;
    this.#vocabulary = vocabulary;
    this.#bias = bias;
    this.#chance = seed === undefined ? freeChance(random) : seededChance(seed);
    this.#sampler = new Sampler(vocabulary, sampling);
  }

  /**
   * The token after `text`, for which `guess` may have been drafted. The logits are those of the model, and changed.
   */
  choose(logits: Float32Array, text: ReadonlyTokens, guess?: Guess): number {
    return this.#chance.choose(this.#sampler.distribution(this.#biased(logits), text), text.length, guess);
  }

  /** A draft of the token after `text`, by the logits of another model; they are changed. */
  guess(logits: Float32Array, text: ReadonlyTokens): Guess {
    const { topK } = this.#options;
    this.#guesser ??= new Sampler(this.#vocabulary, {
      ...this.#options,
      topK: topK === 0 ? mostGuessed : Math.min(topK, mostGuessed),
    });
    return this.#chance.guess(this.#guesser.distribution(this.#biased(logits), text), text.length);
  }

  [Symbol.dispose](): void {
    this.#sampler[Symbol.dispose]();
    this.#guesser?.[Symbol.dispose]();
  }

  #biased(logits: Float32Array): Float32Array {
    // A draft model may have fewer tokens.
    for (const [token, bias] of this.#bias) if (token < logits.length) logits[token] = at(logits, token) + bias;
    return logits;
  }
}
