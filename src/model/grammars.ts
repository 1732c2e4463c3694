import { setImmediate } from 'node:timers/promises';
import { EngineError } from '../base/errors.ts';
import { answerGrammar, endsEarly, jsonBegun } from '../chat/answer-grammar.ts';
import type { AnswerFormat } from '../chat/answer-reader.ts';
import { Automaton } from '../grammar/automaton.ts';
import { stateBehindJson } from '../grammar/begun-json.ts';
import { type GrammarSource, grammarOf } from '../grammar/source.ts';
import { TokenGrammar } from '../grammar/token-grammar.ts';
import { TokenIndex } from '../grammar/token-index.ts';
import { type GrammarVocabulary, TokenNames } from '../grammar/token-names.ts';
import type { SamplerOptions } from '../sample/sampler.ts';

/** Grammars that are remembered beside those in use. */
const mostRemembered = 4;

const notBegun =
  "the last message, the assistant's, does not begin the JSON that is asked for: the whole JSON comes behind it";

/** The grammar of an answer with its options for a sampler, and a promise for the time when it can be used. */
interface AnswerGrammar extends Pick<SamplerOptions, 'begun' | 'endsEarly'> {
  readonly source?: GrammarSource | undefined;
  readonly ready?: Promise<void> | undefined;
}

/** The grammars of a model's answers: compiled when they are first asked for, the last ones remembered. */
export class Grammars implements Disposable {
  readonly #vocabulary: GrammarVocabulary;
  readonly #warn: ((reason: Error) => void) | undefined;
  /** In the order of their last use. */
  readonly #automata: Map<string, Automaton> = new Map();
  readonly #grammars: WeakMap<Automaton, TokenGrammar> = new WeakMap();
  #names: TokenNames | undefined;
  #index: TokenIndex | undefined;
  #building: Promise<void> | undefined;
  #disposed = false;

  /** `warn` hears of answers whose given begin is no part of what is asked for. */
  constructor(vocabulary: GrammarVocabulary, warn?: (reason: Error) => void) {
    this.#vocabulary = vocabulary;
    this.#warn = warn;
  }

  /** Makes a grammar ready, if there is one: `of` can give it as soon as the promise is resolved. Throws BAD_GRAMMAR. */
  prepare(source: GrammarSource | undefined): Promise<void> | undefined {
    if (source === undefined) return undefined;
    this.#automatonOf(source);
    this.#building ??= this.#buildIndex();
    return this.#building;
  }

  /**
   * Makes ready the grammar of an answer whose text is `wanted`; none if tools that may be called are too many for one: the
   * model has read of them. Throws BAD_GRAMMAR.
   */
  prepareFor(answer: AnswerFormat, wanted: GrammarSource | undefined): AnswerGrammar {
    const source = answerGrammar(answer, wanted);
    try {
      const ready = this.prepare(source);
      const begun = jsonBegun(answer, wanted);
      if (source !== undefined && begun !== undefined && !stateBehindJson(this.#automatonOf(source), begun)) {
        this.#warn?.(new Error(notBegun));
      }
      return { source, ready, begun, endsEarly: endsEarly(answer, wanted) };
    } catch (error) {
      const isFree = wanted === undefined && answer.calls?.choice === 'auto';
      if (isFree && error instanceof EngineError && error.code === 'BAD_GRAMMAR') return {};
      throw error;
    }
  }

  /** The grammar of a source that was prepared, if there is one. */
  of(source: GrammarSource | undefined): TokenGrammar | undefined {
    if (source === undefined) return undefined;
    const automaton = this.#automatonOf(source);
    if (!this.#index) throw new Error('the grammar has not been prepared');
    const grammar = this.#grammars.get(automaton) ?? new TokenGrammar(automaton, this.#index);
    this.#grammars.set(automaton, grammar);
    return grammar;
  }

  /** Lets go of the vocabulary. */
  [Symbol.dispose](): void {
    this.#disposed = true;
  }

  #automatonOf(source: GrammarSource): Automaton {
    const key = JSON.stringify(source);
    this.#names ??= new TokenNames(this.#vocabulary);
    const automaton = this.#automata.get(key) ?? new Automaton(grammarOf(source), this.#names);
    this.#automata.delete(key);
    this.#automata.set(key, automaton);
    const [oldest] = this.#automata.keys();
    if (this.#automata.size > mostRemembered && oldest !== undefined) this.#automata.delete(oldest);
    return automaton;
  }

  // It takes a microsecond or two for each token, so other answers go on meanwhile.
  async #buildIndex(): Promise<void> {
    const building = TokenIndex.build(this.#vocabulary);
    while (!this.#disposed) {
      const { done, value } = building.next();
      if (done) {
        this.#index = value;
        return;
      }
      await setImmediate();
    }
  }
}
