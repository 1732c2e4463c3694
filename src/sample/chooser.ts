import { type Chance, freeChance, type Guess, seededChance } from './chance.ts';
import { type GivenSampling, type SamplingOptions, samplingOptions } from './options.ts';
import { Sampler } from './sampler.ts';

/** Candidates that a guess is drawn from at most: their probabilities are kept until it is verified. */
const mostGuessed = 1024;

/** Chooses the tokens of one text. */
export class Chooser implements Disposable {
  readonly #vocabulary: number;
  readonly #options: SamplingOptions;
  readonly #bias: ReadonlyMap<number, number>;
  readonly #chance: Chance;
  readonly #sampler: Sampler;
  /** Made when the first guess is asked for. */
  #guesser: Sampler | undefined;

  /**
   * `vocabulary` is the number of logits, `bias` is added to those of tokens; `random` gives numbers from 0 to 1, less
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

  /** The token after `text`, of which `guess` may have been a guess. The logits are those of the model, and changed. */
  choose(logits: Float32Array, text: readonly number[], guess?: Guess): number {
    return this.#chance.choose(this.#sampler.distribution(this.#biased(logits), text), text.length, guess);
  }

  /** A guess at the token after `text`, by the logits of another model; they are changed. */
  guess(logits: Float32Array, text: readonly number[]): Guess {
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
    for (const [token, bias] of this.#bias) logits[token] = (logits[token] ?? 0) + bias;
    return logits;
  }
}
