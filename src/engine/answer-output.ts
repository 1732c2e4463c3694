import type { AnswerPart } from '../chat/answer-part.ts';
import {
  type AnswerFormat,
  type AnswerReader,
  controlTexts,
  newAnswerReader,
  thoughtEnd,
} from '../chat/answer-reader.ts';
import { Detokenizer } from '../text/detokenizer.ts';
import { StopMatcher } from '../text/stop-matcher.ts';
import type { Vocabulary } from '../text/vocabulary.ts';
import type { Logprob } from './logprobs.ts';
import { asOnePart, type Piece, PieceQueue } from './piece-queue.ts';

/** The most tokens that a model thinks, and those that then end its thoughts. */
interface ThoughtLimit {
  readonly most: number;
  readonly end: readonly number[];
}

/** The steps from tokens to the parts of an answer, in their order. */
interface OutputParts {
  readonly detokenizer: Detokenizer;
  readonly stops: StopMatcher;
  /** Control tokens that stop texts name, though nobody sees them in an answer. */
  readonly hidden: ReadonlySet<number>;
  readonly reader: AnswerReader;
  readonly thoughtLimit?: ThoughtLimit | undefined;
}

interface OutputOptions {
  /** Texts that end the answer. */
  readonly stop: readonly string[];
  /** Tokens of thoughts; Infinity for any number. */
  readonly thinkBudget: number;
}

const named = (vocabulary: Vocabulary, text: string): readonly number[] =>
  vocabulary.tokenize(text, { addSpecial: false, parseSpecial: true });

/** The control tokens that texts name. */
const controlsIn = (vocabulary: Vocabulary, texts: readonly string[]): readonly number[] =>
  texts.flatMap((text) => named(vocabulary, text)).filter((token) => vocabulary.isControl(token));

function thoughtLimitOf(vocabulary: Vocabulary, answer: AnswerFormat, most: number): ThoughtLimit | undefined {
  const end = thoughtEnd(answer);
  return end === undefined || !Number.isFinite(most) ? undefined : { most, end: named(vocabulary, end) };
}

/** An answer on its way from tokens to its reader. */
export class AnswerOutput {
  readonly #parts: OutputParts;
  readonly #pieces: PieceQueue = new PieceQueue();
  /** Tokens that end thoughts, as far as they have not come yet. */
  #forced: readonly number[] = [];
  #thoughtTokens = 0;
  #limited = false;
  #calls = false;

  private constructor(parts: OutputParts) {
    this.#parts = parts;
    this.#limitThoughts();
  }

  /** The way of an answer of this form. */
  static open(vocabulary: Vocabulary, answer: AnswerFormat, { stop, thinkBudget }: OutputOptions): AnswerOutput {
    const shown = new Set(controlsIn(vocabulary, controlTexts(answer)));
    const hidden = new Set(controlsIn(vocabulary, stop).filter((token) => !shown.has(token)));
    return new AnswerOutput({
      detokenizer: new Detokenizer(vocabulary, new Set([...shown, ...hidden])),
      stops: new StopMatcher(stop),
      hidden,
      reader: newAnswerReader(answer),
      thoughtLimit: thoughtLimitOf(vocabulary, answer, thinkBudget),
    });
  }

  /** True once a tool has been called. */
  get calls(): boolean {
    return this.#calls;
  }

  /** The stop text that has ended the answer. */
  get stopText(): string | undefined {
    return this.#parts.stops.stopText;
  }

  /** Tokens of thoughts so far. */
  get thoughtTokens(): number {
    return this.#thoughtTokens;
  }

  /** Takes the token that must come next, whatever the model would say; undefined if it is free. */
  takeForced(): number | undefined {
    const [token, ...others] = this.#forced;
    this.#forced = others;
    return token;
  }

  /** Adds a token of the answer. True if it ends the answer, or has made a stop string whole. */
  push(token: number, logprob: Logprob | undefined): boolean {
    const { detokenizer, stops, hidden, reader } = this.#parts;
    const wasThinking = reader.thinking;
    const { text, stopped } = stops.push(detokenizer.push(token), !hidden.has(token));
    this.#give(reader.push(text), token, logprob);
    if (wasThinking) this.#thoughtTokens += 1;
    this.#limitThoughts();
    return stopped;
  }

  /** Ends the answer, which is `whole` if the model itself has ended it: the last piece is the text that was held back. */
  end(whole: boolean): void {
    const { detokenizer, stops, reader } = this.#parts;
    const rest = stops.push(detokenizer.end()).text + stops.end();
    this.#give([...reader.push(rest), ...reader.end(whole)], undefined);
  }

  /** Closes the way: nothing more comes; `error` says why, if something went wrong. */
  close(error: Error | undefined): void {
    this.#pieces.end(error);
  }

  /** The next piece: see `PieceQueue`. */
  read(): Promise<Piece | undefined> {
    return this.#pieces.read();
  }

  #give(parts: readonly AnswerPart[], token: number | undefined, logprob?: Logprob): void {
    if (parts.length === 0 && !logprob) return;
    const part = asOnePart(parts);
    this.#calls ||= part.toolCalls !== undefined;
    this.#pieces.push({ ...part, token, logprob });
  }

  /** Ends thoughts that have become too long, once. */
  #limitThoughts(): void {
    const { reader, thoughtLimit } = this.#parts;
    if (!thoughtLimit || this.#limited || !reader.thinking || this.#thoughtTokens < thoughtLimit.most) return;
    this.#limited = true;
    this.#forced = thoughtLimit.end;
  }
}
