import { LongText } from '../text/long-text.ts';
import type { Delta, TokenLogprob } from '../worker/backend.ts';
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

  constructor(reservation: Reservation) {
    this.#reservation = reservation;
  }

  get text(): string {
    return `${this.#text}`;
  }

  get thinking(): string | undefined {
    return `${this.#thinking}` || undefined;
  }

  /** Throws a Refusal if there is no room for more. */
  push({ text, thinking = '', logprobs }: Delta): void {
    const probabilities = logprobs.reduce((sum, { top }) => sum + 1 + top.length, 0);
    this.#reservation.add(perUnit * (text.length + thinking.length) + perLogprob * probabilities);
    this.#text.push(text);
    this.#thinking.push(thinking);
    this.logprobs.push(...logprobs);
  }
}
