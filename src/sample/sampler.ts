import { at } from '../base/at.ts';
import type { ReadonlyTokens } from '../text/token-list.ts';
import { LogitsChain } from './logits-chain.ts';
import { type PartialSamplingOptions, type SamplingOptions, samplingOptions } from './sampling-options.ts';
import { type DraftToken, freeRng, seededRng, type TokenRng } from './token-rng.ts';

/** The most candidates that a draft token is drawn from: their probabilities are kept until it is verified. */
const mostDraftCandidates = 1024;

/** Chooses the tokens of one text. */
export class Sampler implements Disposable {
  readonly #vocabulary: number;
  readonly #options: SamplingOptions;
  readonly #bias: ReadonlyMap<number, number>;
  readonly #rng: TokenRng;
  readonly #chain: LogitsChain;
  /** The sampler of drafts; made when the first one is asked for. */
  #draftChain: LogitsChain | undefined;

  /**
   * A sampler over `vocabulary` logits; `bias` is added to those of tokens; `random` gives numbers from 0 to 1, less
   * than 1, where there is no seed. Throws BAD_OPTION, LIBRARY_MISSING.
   */
  constructor(
    vocabulary: number,
    sampling: PartialSamplingOptions,
    bias: ReadonlyMap<number, number> = new Map(),
    random: () => number = Math.random,
  ) {
    this.#options = samplingOptions(sampling);
    const { seed } = this.#options;
    this.#vocabulary = vocabulary;
    this.#bias = bias;
    this.#rng = seed === undefined ? freeRng(random) : seededRng(seed);
    this.#chain = new LogitsChain(vocabulary, sampling);
  }

  /**
   * The token after `text`, for which `draft` may have been drafted. The logits are those of the model, and changed.
   */
  sample(logits: Float32Array, text: ReadonlyTokens, drafted?: DraftToken): number {
    return this.#rng.draw(this.#chain.distribution(this.#biased(logits), text), text.length, drafted);
  }

  /** A draft of the token after `text`, by the logits of another model; they are changed. */
  draft(logits: Float32Array, text: ReadonlyTokens): DraftToken {
    const { topK } = this.#options;
    this.#draftChain ??= new LogitsChain(this.#vocabulary, {
      ...this.#options,
      topK: topK === 0 ? mostDraftCandidates : Math.min(topK, mostDraftCandidates),
    });
    return this.#rng.draft(this.#draftChain.distribution(this.#biased(logits), text), text.length);
  }

  [Symbol.dispose](): void {
    this.#chain[Symbol.dispose]();
    this.#draftChain?.[Symbol.dispose]();
  }

  #biased(logits: Float32Array): Float32Array {
    // A draft model may have fewer tokens.
    for (const [token, bias] of this.#bias) if (token < logits.length) logits[token] = at(logits, token) + bias;
    return logits;
  }
}
