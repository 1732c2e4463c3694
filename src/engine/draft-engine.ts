import { at } from '../base/at.ts';
import { median } from '../base/median.ts';
import { commonPrefix } from '../kv/prefix.ts';
import type { KvSlot } from '../kv/slot.ts';
import { schedule } from '../plan/schedule.ts';
import type { Guess } from '../sample/chance.ts';
import { finite } from '../sample/finite.ts';
import type { ReadonlyTokens, TokenList } from '../text/token-list.ts';
import type { Runtime } from './runtime.ts';

/** A text whose next tokens are to be drafted. */
export interface DraftRequest {
  readonly slot: KvSlot;
  /** The text; its draft comes behind it until the request is answered. */
  readonly text: TokenList;
  /** The most draft tokens that are wanted. */
  readonly most: number;
  /** Gives a draft token to follow `text`. The logits are those of the draft model, and may be changed. */
  readonly guess: (logits: Float32Array, text: ReadonlyTokens) => Guess;
  /** True once nobody wants the draft any more. */
  readonly gone: () => boolean;
}

/** A request that is being answered. */
interface Draft {
  readonly request: DraftRequest;
  /** Tokens of the text without its draft. */
  readonly length: number;
  readonly guesses: Guess[];
  readonly resolve: (guesses: readonly Guess[]) => void;
  readonly reject: (error: Error) => void;
}

/** The most tokens that are computed one by one: the graph for one is there already. */
const few = 3;
/** The cost of a draft token is the median of so many measurements, none older than so many milliseconds. */
const measurements = 9;
const remembered = 60_000;

/** A draft model at work: each pass adds a draft token to every text. */
export class DraftEngine implements AsyncDisposable {
  /** Tokens that the model knows; the other model may have more. */
  readonly vocabulary: number;
  readonly #runtime: Runtime;
  #drafts: Draft[] = [];
  #running: Promise<void> | undefined;
  #measured: readonly { readonly seconds: number; readonly at: number }[] = [];

  constructor(runtime: Runtime, vocabulary: number) {
    this.#runtime = runtime;
    this.vocabulary = vocabulary;
  }

  /** The longest text, in tokens. */
  get context(): number {
    return this.#runtime.plan.context;
  }

  /** Seconds of a draft token, of late; 0 if that is not known. */
  get cost(): number {
    const since = performance.now() - remembered;
    const known = this.#measured.filter(({ at }) => at > since).map(({ seconds }) => seconds);
    return known.length > 0 ? median(known) : 0;
  }

  /** Loads the model, once. Rejects with READ_FAILED, FILE_CHANGED, MODEL_CLOSED, or the signal's reason. */
  load(signal?: AbortSignal): Promise<void> {
    return this.#runtime.load({ signal });
  }

  /** Forgets what is stored of texts that have ended. */
  forget(): void {
    this.#runtime.slots.forget();
  }

  /** A cache for a text's keys and values; undefined if none is free now. */
  async take(text: ReadonlyTokens): Promise<KvSlot | undefined> {
    const { slots } = this.#runtime;
    return slots.free ? (await slots.take(text)).slot : undefined;
  }

  release(slot: KvSlot): void {
    this.#runtime.release(slot, () => {});
  }

  /** Draft tokens, one after the other. Rejects with the errors of a pass, NOT_FINITE and MODEL_CLOSED. */
  propose(request: DraftRequest): Promise<readonly Guess[]> {
    return new Promise((resolve, reject) => {
      // Rejected draft tokens leave the cache. The last token is computed again if need be, for its logits.
      const { slot, text } = request;
      const known = Math.min(commonPrefix(slot.tokens, text), text.length - 1);
      slot.keep(slot.canTrim(known) ? known : 0);
      this.#drafts.push({ request, length: text.length, guesses: [], resolve, reject });
      this.#running ??= this.#run();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running;
    await this.#runtime[Symbol.asyncDispose]();
  }

  /** Ends what is under way with `reason`. */
  abort(reason: Error): void {
    this.#runtime.abort(reason);
  }

  async #run(): Promise<void> {
    // Requests that are made in one turn of the event loop are answered together.
    await Promise.resolve();
    while (this.#drafts.length > 0) {
      try {
        await this.#pass();
      } catch (error) {
        for (const { request, length, reject } of this.#drafts.splice(0)) {
          request.text.truncate(length);
          reject(error as Error);
        }
      }
      this.#drafts = this.#drafts.filter((draft) => !answered(draft));
    }
    this.#running = undefined;
  }

  async #pass(): Promise<void> {
    const counts = this.#counts();
    const chosen = this.#drafts.flatMap((draft, i) => {
      const { slot, text } = draft.request;
      const start = slot.tokens.length;
      const count = at(counts, i);
      return count > 0 ? [{ draft, slot, span: { kv: slot.kv, start, ...tokensAt(text, start, count) } }] : [];
    });
    for (const { slot, span } of chosen) slot.expect(span.tokens.length);
    const began = performance.now();
    const logits = await this.#runtime.run(chosen.map(({ span }) => span));
    const ended = performance.now();
    if (chosen.every(({ span }) => span.tokens.length === 1)) {
      const seconds = (ended - began) / 1000 / chosen.length;
      this.#measured = [...this.#measured, { seconds, at: ended }].slice(-measurements);
    }
    const vocabulary = logits.length / chosen.length;
    for (const [i, { draft, slot, span }] of chosen.entries()) {
      slot.store(span.tokens);
      const { request, guesses } = draft;
      const { text } = request;
      if (slot.tokens.length < text.length || request.gone()) continue;
      const row = finite(logits.subarray(i * vocabulary, (i + 1) * vocabulary), this.#runtime.path);
      const guess = request.guess(row, text);
      guesses.push(guess);
      text.push(guess.token);
    }
  }

  /** Tokens of each draft that the next pass takes. */
  #counts(): readonly number[] {
    const pending = this.#drafts.map(({ request: { text, slot } }) => text.length - slot.tokens.length);
    const wanted = pending.map((tokens) =>
      tokens <= few ? { tokens: 1, decoding: true } : { tokens, decoding: false },
    );
    const { limits } = this.#runtime;
    return schedule(wanted, { ...limits, chunk: limits.batch });
  }
}

const tokensAt = (text: TokenList, start: number, count: number) =>
  ({ tokens: text.slice(start, start + count), logits: 'last' }) as const;

/** Answers a request that is complete, or that nobody waits for. */
function answered({ request, length, guesses, resolve }: Draft): boolean {
  if (guesses.length < request.most && !request.gone()) return false;
  request.text.truncate(length);
  resolve(guesses);
  return true;
}
