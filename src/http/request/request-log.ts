import type { MiddlewareHandler } from 'hono';
import type { Log } from '../../base/log.ts';
import type { Answer, Ending } from '../../worker/backend.ts';
import { addWarning } from './warnings.ts';

/** Answers that a request got, as far as they have ended. */
class AnswerRecord {
  #model: string | undefined;
  #open = 0;
  readonly #endings: Ending[] = [];
  #whenEnded: (() => void) | undefined;

  begin(model: string): void {
    this.#model = model;
    this.#open += 1;
  }

  /** Counts an answer that has ended; one that failed or was left has no ending. */
  end(ending: Ending | undefined): void {
    this.#open -= 1;
    if (ending) this.#endings.push(ending);
    this.#tell();
  }

  /** Counts all answers as ended: those of a request fail together. */
  fail(): void {
    this.#open = 0;
    this.#tell();
  }

  /** Calls `tell` once, as soon as no answer is under way. */
  whenEnded(tell: () => void): void {
    this.#whenEnded = tell;
    this.#tell();
  }

  #tell(): void {
    if (this.#open > 0) return;
    this.#whenEnded?.();
    this.#whenEnded = undefined;
  }

  /** The model and, where answers have ended, their tokens; several have a prompt and a time together. */
  get facts(): object {
    if (this.#model === undefined) return {};
    const sum = (of: (ending: Ending) => number): number => this.#endings.reduce((total, one) => total + of(one), 0);
    const [first] = this.#endings;
    if (!first) return { model: this.#model };
    const tokens = sum(({ answerTokens }) => answerTokens);
    const seconds = Math.max(...this.#endings.map(({ answerSeconds }) => answerSeconds));
    const tokens_per_s = seconds > 0 ? Number((tokens / seconds).toPrecision(3)) : undefined;
    return { model: this.#model, prompt_tokens: first.promptTokens, tokens, tokens_per_s };
  }
}

const records = new WeakMap<Request, AnswerRecord>();

/** Logs each request, those that are answered by a model once that answer has ended. */
export const logRequests =
  (log: Log): MiddlewareHandler =>
  async (c, next) => {
    const began = performance.now();
    const record = new AnswerRecord();
    const { raw, method, path } = c.req;
    records.set(raw, record);
    await next();
    const { status } = c.res;
    record.whenEnded(() => {
      const seconds = Number(((performance.now() - began) / 1000).toFixed(3));
      log.info({ method, path, status, seconds, ...record.facts }, 'request');
    });
  };

/** The answer that `start` gives, recorded for the log of its request, with its warnings. Rejects as `start`. */
export async function recorded(request: Request, model: string, start: () => Promise<Answer>): Promise<Answer> {
  const record = records.get(request);
  if (!record) return start();
  record.begin(model);
  try {
    const answer = await start();
    for (const text of answer.warnings) addWarning(request, text, { logged: true });
    return {
      promptTokens: answer.promptTokens,
      warnings: answer.warnings,
      get ending() {
        return answer.ending;
      },
      async *[Symbol.asyncIterator]() {
        try {
          yield* answer;
        } finally {
          record.end(answer.ending);
        }
      },
    };
  } catch (error) {
    record.fail();
    throw error;
  }
}
