import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { EngineError } from '../base/errors.ts';
import { answerGrammar, endsEarly, jsonBegun } from '../chat/answer-grammar.ts';
import type { AnswerFormat } from '../chat/answer-reader.ts';
import { checkStrictTools } from '../chat/tools/strict-tools.ts';
import { Automaton } from '../grammar/automaton.ts';
import { stateBehindJson } from '../grammar/begun-json.ts';
import { type GrammarSource, grammarOf } from '../grammar/source.ts';
import { TokenGrammar } from '../grammar/token-grammar.ts';
import { TokenIndex } from '../grammar/token-index.ts';
import { type GrammarVocabulary, TokenNames } from '../grammar/token-names.ts';
import { mostGrammarBytes } from '../runtime/process-memory.ts';
import type { SamplerOptions } from '../sample/sampler.ts';
import { GrammarCache, type GrammarLease } from './grammar-cache.ts';

const notBegun =
  "the last message, the assistant's, does not begin the JSON that is asked for: the whole JSON comes behind it";

/** The grammar of an answer with its options for a sampler, and a promise for the time when it can be used. */
interface AnswerGrammar extends Pick<SamplerOptions, 'begun' | 'endsEarly'> {
  /** The source as JSON: an answer that waits holds nothing else of it. */
  readonly source?: string | undefined;
  readonly ready?: Promise<void> | undefined;
}

/**
 * The grammars of a model's answers: compiled when they are first asked for, and shared by all answers that want the same.
 * They take `mostGrammarBytes` at most, those in use and the last ones together.
 */
export class Grammars implements Disposable {
  readonly #vocabulary: GrammarVocabulary;
  readonly #warn: ((reason: Error) => void) | undefined;
  readonly #cache: GrammarCache<CompiledGrammar> = new GrammarCache(mostGrammarBytes);
  #names: TokenNames | undefined;
  #index: TokenIndex | undefined;
  #building: Promise<void> | undefined;
  #disposed = false;

  /** `warn` hears of answers whose given begin is no part of what is asked for. */
  constructor(vocabulary: GrammarVocabulary, warn?: (reason: Error) => void) {
    this.#vocabulary = vocabulary;
    this.#warn = warn;
  }

  /** Makes a grammar ready, if there is one: `lease` can give it as soon as the promise is resolved. Throws BAD_GRAMMAR. */
  prepare(source: GrammarSource | undefined): Promise<void> | undefined {
    if (source === undefined) return undefined;
    this.#automatonOf(JSON.stringify(source));
    this.#building ??= this.#buildIndex();
    return this.#building;
  }

  /**
   * Makes ready the grammar of an answer whose text is `wanted`; none if tools that may be called are too many for one: the
   * model has read of them, unless one is strict. Throws BAD_GRAMMAR.
   */
  prepareFor(answer: AnswerFormat, wanted: GrammarSource | undefined): AnswerGrammar {
    const { tools = [], choice } = answer.calls ?? {};
    if (choice !== 'none') checkStrictTools(tools);
    const grammar = answerGrammar(answer, wanted);
    try {
      const ready = this.prepare(grammar);
      const source = grammar && JSON.stringify(grammar);
      const begun = jsonBegun(answer, wanted);
      if (source !== undefined && begun !== undefined && !stateBehindJson(this.#automatonOf(source), begun)) {
        this.#warn?.(new Error(notBegun));
      }
      return { source, ready, begun, endsEarly: endsEarly(answer, wanted) };
    } catch (error) {
      const isFree = wanted === undefined && choice === 'auto' && !tools.some(({ strict }) => strict);
      if (isFree && error instanceof EngineError && error.code === 'BAD_GRAMMAR') return {};
      throw error;
    }
  }

  /** The grammar of a source, as JSON, that was prepared, if there is one, for an answer. Throws GRAMMARS_FULL. */
  lease(source: string | undefined): GrammarLease<TokenGrammar> | undefined {
    if (source === undefined) return undefined;
    if (!this.#index) throw new Error('the grammar has not been prepared');
    const lease = this.#cache.acquire(keyOf(source), () => this.#compile(source));
    return { grammar: lease.grammar.over(this.#index), [Symbol.dispose]: () => lease[Symbol.dispose]() };
  }

  /** Lets go of the vocabulary. */
  [Symbol.dispose](): void {
    this.#disposed = true;
  }

  #automatonOf(source: string): Automaton {
    return this.#cache.get(keyOf(source), () => this.#compile(source)).automaton;
  }

  #compile(source: string): CompiledGrammar {
    this.#names ??= new TokenNames(this.#vocabulary);
    return new CompiledGrammar(new Automaton(grammarOf(JSON.parse(source) as GrammarSource), this.#names));
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
      await nextTurn();
    }
  }
}

/** A grammar, and what it allows of the model's tokens once their index is there: half of what it may remember is for that. */
class CompiledGrammar {
  readonly automaton: Automaton;
  #tokens: TokenGrammar | undefined;
  #allowed = 0;

  constructor(automaton: Automaton) {
    this.automaton = automaton;
  }

  get fixedBytes(): number {
    return this.automaton.fixedBytes;
  }

  allow(bytes: number): void {
    this.#allowed = bytes;
    this.automaton.allow(bytes / 2);
    this.#tokens?.allow(bytes / 2);
  }

  over(index: TokenIndex): TokenGrammar {
    if (!this.#tokens) {
      this.#tokens = new TokenGrammar(this.automaton, index);
      this.#tokens.allow(this.#allowed / 2);
    }
    return this.#tokens;
  }
}

/** A short text for a source, which may be a large schema. */
const keyOf = (source: string): string => createHash('sha256').update(source).digest('base64');
