import { type GrammarSource, grammarOf } from '../grammar/source.ts';
import { TokenGrammar } from '../grammar/token-grammar.ts';
import type { GrammarVocabulary } from '../grammar/token-index.ts';
import { TokenIndex } from '../grammar/token-index.ts';

/** Grammars that are remembered beside those in use. */
const mostRemembered = 4;

/** The grammars of a model's answers: compiled when they are first asked for, the last ones remembered. */
export class Grammars {
  readonly #vocabulary: GrammarVocabulary;
  readonly #compiled: Map<string, TokenGrammar> = new Map();
  #index: TokenIndex | undefined;

  constructor(vocabulary: GrammarVocabulary) {
    this.#vocabulary = vocabulary;
  }

  /** The grammar of a source, if there is one. Throws BAD_GRAMMAR. */
  of(source: GrammarSource | undefined): TokenGrammar | undefined {
    if (source === undefined) return undefined;
    const key = JSON.stringify(source);
    const grammar = this.#compiled.get(key) ?? this.#compile(source);
    // The map's order is that of their last use.
    this.#compiled.delete(key);
    this.#compiled.set(key, grammar);
    const [oldest] = this.#compiled.keys();
    if (this.#compiled.size > mostRemembered && oldest !== undefined) this.#compiled.delete(oldest);
    return grammar;
  }

  #compile(source: GrammarSource): TokenGrammar {
    const expression = grammarOf(source);
    this.#index ??= new TokenIndex(this.#vocabulary);
    return new TokenGrammar(expression, this.#index);
  }
}
