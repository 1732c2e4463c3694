import type { Delta, Ending } from '../worker/backend.ts';

/** Tokens and seconds of an answer. */
type Times = Pick<Ending, 'promptTokens' | 'cachedTokens' | 'promptSeconds' | 'answerTokens' | 'answerSeconds'>;

const perSecond = (count: number, seconds: number): number => (seconds > 0 ? count / seconds : 0);
const each = (count: number, ms: number): number => (count > 0 ? ms / count : 0);

/** The times of an answer as llama-server's clients read them. */
export function timingsOf({ promptTokens, cachedTokens, promptSeconds, answerTokens, answerSeconds }: Times): object {
  const computed = promptTokens - cachedTokens;
  const [prompt_ms, predicted_ms] = [promptSeconds * 1000, answerSeconds * 1000];
  return {
    cache_n: cachedTokens,
    prompt_n: computed,
    prompt_ms,
    prompt_per_token_ms: each(computed, prompt_ms),
    prompt_per_second: perSecond(computed, promptSeconds),
    predicted_n: answerTokens,
    predicted_ms,
    predicted_per_token_ms: each(answerTokens, predicted_ms),
    predicted_per_second: perSecond(answerTokens, answerSeconds),
  };
}

/** Measures an answer that is under way: its prompt until the first token has come, waiting included. */
export class AnswerMeter {
  readonly promptTokens: number;
  /** Tokens of the answer so far. */
  answerTokens = 0;
  /** Whether its text has more than one line so far. */
  hasNewLine = false;
  readonly #began: number = performance.now();
  #first: number | undefined;
  #cachedTokens = 0;

  constructor(promptTokens: number) {
    this.promptTokens = promptTokens;
  }

  /** Takes the next part of the answer. */
  read({ text, progress, answerTokens }: Delta): void {
    this.hasNewLine ||= text.includes('\n');
    if (progress) this.#cachedTokens = progress.cached;
    if (answerTokens === undefined) return;
    this.#first ??= performance.now();
    this.answerTokens = answerTokens;
  }

  /** The times so far. */
  get timings(): object {
    const now = performance.now();
    const first = this.#first ?? now;
    return timingsOf({
      promptTokens: this.promptTokens,
      cachedTokens: this.#cachedTokens,
      promptSeconds: (first - this.#began) / 1000,
      answerTokens: this.answerTokens,
      answerSeconds: (now - first) / 1000,
    });
  }
}
