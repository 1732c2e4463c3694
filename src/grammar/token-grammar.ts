import type { Automaton, State } from './automaton.ts';
import { stateBehindJson } from './begun-json.ts';
import { type TokenIndex, TokenSet } from './token-index.ts';

/** Sets of tokens that are remembered: a bit for each token of the vocabulary. */
const mostRemembered = 64;

/** A grammar over the tokens of a vocabulary. Its states are values: any number of texts can be under way. */
export class TokenGrammar {
  readonly start: State;
  readonly #index: TokenIndex;
  readonly #automaton: Automaton;
  /** Tokens allowed in a state, and in those of its kind. */
  #allowed: WeakMap<State, TokenSet> = new WeakMap();
  readonly #ofKind: Map<string, TokenSet> = new Map();

  constructor(automaton: Automaton, index: TokenIndex) {
    this.#index = index;
    this.#automaton = automaton;
    this.start = automaton.start;
  }

  /** The state behind a text; that of the start where there is none, or none of the grammar's texts begins so. */
  startBehind(begin: string | undefined): State {
    return (begin === undefined ? undefined : stateBehindJson(this.#automaton, begin)) ?? this.start;
  }

  /** Tokens that end an answer. */
  get ends(): readonly number[] {
    return this.#index.ends;
  }

  /** The tokens that may come next; those that end an answer only where the text is whole. */
  allowed(state: State): TokenSet {
    const known = this.#allowed.get(state);
    if (known) return known;
    const kind = this.#automaton.kindOf(state, this.#index.longest);
    const set = this.#ofKind.get(kind) ?? this.#collect(state);
    if (this.#ofKind.size === mostRemembered) {
      this.#ofKind.clear();
      this.#allowed = new WeakMap();
    }
    this.#ofKind.set(kind, set);
    this.#allowed.set(state, set);
    return set;
  }

  /** The state after a token that is allowed; an end leaves it as it is. */
  after(state: State, token: number): State {
    if (this.#index.ends.includes(token)) return state;
    let after = state;
    for (const byte of this.#index.bytesOf(token)) {
      const next = this.#automaton.advance(after, byte);
      if (!next) throw new Error(`token ${token} is not allowed here`);
      after = next;
    }
    return after;
  }

  /** True if the text is whole and nothing can follow. */
  isOver(state: State): boolean {
    return state.accepts && this.allowed(state).size === this.#index.ends.length;
  }

  #collect(state: State): TokenSet {
    this.#automaton.beginToken();
    const set = new TokenSet(this.#index.size);
    this.#index.collect(set, state, (from, byte) => this.#automaton.advance(from, byte));
    if (state.accepts) for (const token of this.#index.ends) set.add(token);
    return set;
  }
}
