import { at } from '../base/at.ts';
import type { State } from '../grammar/automaton.ts';
import { grammarError } from '../grammar/grammar-error.ts';
import type { TokenGrammar } from '../grammar/token-grammar.ts';
import type { TokenSet } from '../grammar/token-index.ts';
import type { ReadonlyTokens } from '../text/token-list.ts';
import { certain, type Distribution, probabilityOf, withOthersAs } from './distribution.ts';
import type { DryStages } from './dry-stages.ts';
import { LogitsChain } from './logits-chain.ts';
import { keptByMirostat, nextBound } from './mirostat.ts';
import { type PartialSamplingOptions, type SamplingOptions, samplingOptions } from './sampling-options.ts';
import { type DraftToken, freeRng, seededRng, type TokenRng } from './token-rng.ts';

/** The most candidates that a draft token is drawn from: their probabilities are kept until it is verified. */
const mostDraftCandidates = 1024;

/** Options of a sampler beside those of sampling. */
export interface SamplerOptions {
  /** Added to the logits of tokens. */
  readonly bias?: ReadonlyMap<number, number> | undefined;
  /** Allows a token or not, from the first one that is sampled on. */
  readonly grammar?: TokenGrammar | undefined;
  /** The use of the grammar, which ends with the sampler. */
  readonly lease?: Disposable | undefined;
  /** The begin of a JSON value that the answer goes on with, if the grammar has it. */
  readonly begun?: string | undefined;
  /** True if an answer that the grammar takes as whole ends where the model wants what the grammar forbids. */
  readonly endsEarly?: boolean | undefined;
  /** Stages against repeated sequences; default: none, whatever the sampling says. */
  readonly dry?: DryStages | undefined;
  /** Gives numbers from 0 to 1, less than 1, where there is no seed; default: `Math.random`. */
  readonly random?: (() => number) | undefined;
}

/** A text's place in a grammar. */
interface GrammarPlace {
  readonly grammar: TokenGrammar;
  readonly endsEarly: boolean;
  /** The state after all tokens that were sampled. */
  state: State;
  /** The state after draft tokens behind them, and the length of the text with these. */
  drafted: { readonly length: number; readonly state: State } | undefined;
}

/** Chooses the tokens of one text. */
export class Sampler implements Disposable {
  readonly #vocabulary: number;
  readonly #options: SamplingOptions;
  readonly #bias: ReadonlyMap<number, number>;
  readonly #rng: TokenRng;
  readonly #chain: LogitsChain;
  readonly #place: GrammarPlace | undefined;
  readonly #lease: Disposable | undefined;
  readonly #dry: DryStages | undefined;
  /** Bits of surprise that mirostat allows the next token. */
  #bound: number;
  #last: Distribution = certain(0);
  /** The sampler of drafts; made when the first one is asked for. */
  #draftChain: LogitsChain | undefined;

  /** A sampler over `vocabulary` logits. Throws BAD_OPTION, LIBRARY_MISSING. */
  constructor(
    vocabulary: number,
    sampling: PartialSamplingOptions,
    { bias = new Map(), grammar, lease, begun, endsEarly = false, dry, random = Math.random }: SamplerOptions = {},
  ) {
    this.#options = samplingOptions(sampling);
    const { seed } = this.#options;
    this.#vocabulary = vocabulary;
    this.#bias = bias;
    this.#rng = seed === undefined ? freeRng(random) : seededRng(seed);
    this.#dry = dry;
    this.#lease = lease;
    this.#bound = 2 * this.#options.mirostatTau;
    this.#place = grammar && { grammar, endsEarly, state: grammar.startBehind(begun), drafted: undefined };
    // The last one to be made: a grammar may refuse the begin.
    this.#chain = new LogitsChain(vocabulary, sampling, dry);
  }

  /** The distribution of the last token. */
  get distribution(): Distribution {
    return this.#last;
  }

  /** True if the grammar allows nothing more than the end. */
  get isOver(): boolean {
    return this.#place?.grammar.isOver(this.#place.state) ?? false;
  }

  /**
   * The token after `text`, for which `draft` may have been drafted. The logits are those of the model, and changed.
   * Throws BAD_GRAMMAR where the vocabulary has no token that the grammar allows, or the text can be read in too many ways.
   */
  sample(logits: Float32Array, text: ReadonlyTokens, drafted?: DraftToken): number {
    const place = this.#place;
    if (place?.grammar.allowed(place.state).size === 0) {
      throw grammarError('root', 'the model has no token for what has to follow');
    }
    const distribution = this.#distribution(this.#chain, logits, text, place?.state);
    const token = this.#rng.draw(distribution, text.length, drafted);
    this.accept(token);
    this.#last = distribution;
    this.#bound = nextBound(this.#bound, probabilityOf(distribution, token), this.#options);
    return token;
  }

  /** Goes on with a token that was not sampled. */
  accept(token: number): void {
    this.#last = certain(token);
    const place = this.#place;
    if (!place) return;
    place.state = place.grammar.after(place.state, token);
    place.drafted = undefined;
  }

  /** A draft of the token after `text`, by the logits of another model; they are changed. */
  draft(logits: Float32Array, text: ReadonlyTokens): DraftToken {
    const place = this.#place;
    if (!place) return this.#draft(logits, text, undefined);
    const { grammar, drafted } = place;
    const state = drafted?.length === text.length ? drafted.state : place.state;
    // Nothing is known of the draft model's tokens where none is allowed: any will be rejected.
    if (grammar.allowed(state).size === 0) return { token: 0 };
    const draft = this.#draft(logits, text, state);
    place.drafted = { length: text.length + 1, state: grammar.after(state, draft.token) };
    return draft;
  }

  [Symbol.dispose](): void {
    this.#chain[Symbol.dispose]();
    this.#draftChain?.[Symbol.dispose]();
    this.#lease?.[Symbol.dispose]();
  }

  #draft(logits: Float32Array, text: ReadonlyTokens, state: State | undefined): DraftToken {
    const { topK } = this.#options;
    const options = {
      ...this.#options,
      topK: topK === 0 ? mostDraftCandidates : Math.min(topK, mostDraftCandidates),
      // A draft of what is left out at random would rarely be accepted.
      xtcProbability: 0,
      // It bounds the surprise of tokens of the model, not of the draft model.
      mirostat: 0,
    };
    this.#draftChain ??= new LogitsChain(this.#vocabulary, options, this.#dry);
    return this.#rng.draft(this.#distribution(this.#draftChain, logits, text, state), text.length);
  }

  /** The distribution of the token after `text`, whose place in the grammar is `state`. */
  #distribution(
    chain: LogitsChain,
    logits: Float32Array,
    text: ReadonlyTokens,
    state: State | undefined,
  ): Distribution {
    const biased = this.#biased(logits);
    const distribution = (allowed?: TokenSet): Distribution => {
      const all = chain.distribution(biased, text, allowed);
      const version = chain === this.#chain ? this.#options.mirostat : 0;
      return version === 0 ? all : keptByMirostat(all, { version, bound: this.#bound, vocabulary: this.#vocabulary });
    };
    if (!this.#place || !state) return distribution();
    const { grammar, endsEarly } = this.#place;
    const allowed = grammar.allowed(state);
    const [end] = grammar.ends;
    if (!endsEarly || !state.accepts || end === undefined) return distribution(allowed);
    return withOthersAs(end, distribution(), (token) => allowed.has(token));
  }

  #biased(logits: Float32Array): Float32Array {
    // A draft model may have fewer tokens.
    for (const [token, bias] of this.#bias) if (token < logits.length) logits[token] = at(logits, token) + bias;
    return logits;
  }
}
