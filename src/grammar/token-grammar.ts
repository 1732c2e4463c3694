import type { Automaton, State } from './automaton.ts';
import { stateBehindJson } from './begun-json.ts';
import { type TokenIndex, TokenSet } from './token-index.ts';

/** Bytes of a set beside its bits, and those of its name. */
const bytesOfSet = 400;

/** A grammar over the tokens of a vocabulary. Its states are values: any number of texts can be under way. */
export class TokenGrammar {
  readonly start: State;
  readonly #index: TokenIndex;
  readonly #automaton: Automaton;
  /** Tokens allowed in a state, and in those of its kind. */
  #allowed: WeakMap<State, TokenSet> = new WeakMap();
  readonly #ofKind: Map<string, TokenSet> = new Map();
  #setBytes = 0;
  #mostSetBytes = 2 ** 20;

  constructor(automaton: Automaton, index: TokenIndex) {
    this.#index = index;
    this.#automaton = automaton;
    this.start = automaton.start;
  }

  /** Bounds the bytes of the sets that are remembered. */
  allow(bytes: number): void {
    this.#mostSetBytes = bytes;
    this.#forget();
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
    let set = this.#ofKind.get(kind);
    if (!set) {
      set = this.#collect(state);
      this.#setBytes += set.bytes + kind.length + bytesOfSet;
      this.#forget();
      this.#ofKind.set(kind, set);
    }
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

  #forget(): void {
    if (this.#setBytes <= this.#mostSetBytes) return;
    this.#ofKind.clear();
    this.#allowed = new WeakMap();
    this.#setBytes = 0;
  }

  #collect(state: State): TokenSet {
    this.#automaton.beginToken();
    const set = new TokenSet(this.#index.size);
    this.#index.collect(set, state, (from, byte) => this.#automaton.advance(from, byte));
    if (state.accepts) for (const token of this.#index.ends) set.add(token);
    return set;
  }
}
