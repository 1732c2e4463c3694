import { LongText } from '../text/long-text.ts';
import type { Delta, TokenLogprob } from '../worker/backend.ts';
import { CallList, type ListedCall } from './call-list.ts';
import type { Reservation } from './request/request-memory.ts';

/** Bytes of a token with its log-probability, as an object and as JSON. */
const perLogprob = 512;
/** Bytes of a character, as a string and as JSON. */
const perUnit = 4;

/** An answer that is sent as a whole: it is kept until its end. */
export class WholeAnswer implements Delta {
  readonly logprobs: TokenLogprob[] = [];
  readonly #reservation: Reservation;
  readonly #text: LongText = new LongText();
  readonly #thinking: LongText = new LongText();
  readonly #open: CallList = new CallList();
  readonly #calls: ListedCall[] = [];

  constructor(reservation: Reservation) {
    this.#reservation = reservation;
  }

  get text(): string {
    return `${this.#text}`;
  }

  get thinking(): string | undefined {
    return `${this.#thinking}` || undefined;
  }

  /** Whole calls; undefined if there are none. */
  get toolCalls(): readonly ListedCall[] | undefined {
    this.#calls.push(...this.#open.end());
    return this.#calls.length > 0 ? this.#calls : undefined;
  }

  /** Throws a Refusal if there is no room for more. */
  push({ text, thinking = '', toolCalls = [], logprobs }: Delta): void {
    const probabilities = logprobs.reduce((sum, { top }) => sum + 1 + top.length, 0);
    const called = toolCalls.reduce((sum, call) => sum + call.arguments.length + (call.name?.length ?? 0), 0);
    this.#reservation.add(perUnit * (text.length + thinking.length + called) + perLogprob * probabilities);
    this.#text.push(text);
    this.#thinking.push(thinking);
    this.#calls.push(...this.#open.push(toolCalls));
    this.logprobs.push(...logprobs);
  }
}
