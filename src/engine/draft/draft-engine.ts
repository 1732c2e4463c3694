import { at } from '../../base/at.ts';
import { median } from '../../base/median.ts';
import { schedule } from '../../plan/schedule.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { checkFinite } from '../../sample/check-finite.ts';
import type { DraftToken } from '../../sample/token-rng.ts';
import { commonPrefix } from '../../state/prefix.ts';
import type { SequenceCache } from '../../state/sequence-cache.ts';
import type { ReadonlyTokens, TokenList } from '../../text/token-list.ts';

/** A text whose next tokens are to be drafted. */
export interface DraftRequest {
  readonly cache: SequenceCache;
  /** The text; its draft comes behind it until the request is answered. */
  readonly text: TokenList;
  /** The most draft tokens that are wanted. */
  readonly most: number;
  /** Gives a draft token to follow `text`. The logits are those of the draft model, and may be changed. */
  readonly draft: (logits: Float32Array, text: ReadonlyTokens) => DraftToken;
  /** True once nobody wants the draft any more. */
  readonly cancelled: () => boolean;
}

/** A request that is being answered. */
interface Draft {
  readonly request: DraftRequest;
  /** Tokens of the text without its draft. */
  readonly length: number;
  readonly drafted: DraftToken[];
  readonly resolve: (drafted: readonly DraftToken[]) => void;
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

  /** Forgets texts that have ended. */
  forget(): void {
    this.#runtime.caches.forget();
  }

  /** A cache for a text's keys and values; undefined if none is free now. */
  async acquire(text: ReadonlyTokens): Promise<SequenceCache | undefined> {
    const { caches } = this.#runtime;
    return caches.free ? (await caches.acquire(text)).cache : undefined;
  }

  release(cache: SequenceCache): void {
    this.#runtime.release(cache, () => {});
  }

  /** Draft tokens, one after the other. Rejects with the errors of a pass, NOT_FINITE and MODEL_CLOSED. */
  propose(request: DraftRequest): Promise<readonly DraftToken[]> {
    return new Promise((resolve, reject) => {
      // Rejected draft tokens leave the cache. The last token is computed again if need be, for its logits.
      const { cache, text } = request;
      const known = Math.min(commonPrefix(cache.tokens, text), text.length - 1);
      cache.truncate(known);
      this.#drafts.push({ request, length: text.length, drafted: [], resolve, reject });
      this.#running ??= this.#run();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running;
    await this.#runtime[Symbol.asyncDispose]();
  }

  /** Ends all drafts under way with `reason`. */
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
          const { cache, text } = request;
          cache.truncate(cache.tokens.length);
          text.truncate(length);
          reject(error as Error);
        }
      }
      this.#drafts = this.#drafts.filter((draft) => !resolveIfDone(draft));
    }
    this.#running = undefined;
  }

  async #pass(): Promise<void> {
    const counts = this.#counts();
    const chosen = this.#drafts.flatMap((draft, i) => {
      const { cache, text } = draft.request;
      const start = cache.tokens.length;
      const count = at(counts, i);
      return count > 0 ? [{ draft, cache, span: { state: cache.state, start, ...tokensAt(text, start, count) } }] : [];
    });
    for (const { cache, span } of chosen) cache.begin(span.tokens.length);
    const began = performance.now();
    const logits = await this.#runtime.run(chosen.map(({ span }) => span));
    const ended = performance.now();
    if (chosen.every(({ span }) => span.tokens.length === 1)) {
      const seconds = (ended - began) / 1000 / chosen.length;
      this.#measured = [...this.#measured, { seconds, at: ended }].slice(-measurements);
    }
    const vocabulary = logits.length / chosen.length;
    for (const [i, { draft, cache, span }] of chosen.entries()) {
      cache.store(span.tokens);
      // Drafts are taken back to here, and the text goes on in another way.
      if (cache.tokens.length === draft.length) cache.snapshot();
      const { request, drafted } = draft;
      const { text } = request;
      if (cache.tokens.length < text.length || request.cancelled()) continue;
      const row = checkFinite(logits.subarray(i * vocabulary, (i + 1) * vocabulary), this.#runtime.path);
      const token = request.draft(row, text);
      drafted.push(token);
      text.push(token.token);
    }
  }

  /** Tokens of each draft that the next pass takes. */
  #counts(): readonly number[] {
    const pending = this.#drafts.map(({ request: { text, cache } }) => text.length - cache.tokens.length);
    const wanted = pending.map((tokens) =>
      tokens <= few ? { tokens: 1, decoding: true } : { tokens, decoding: false },
    );
    const { limits } = this.#runtime;
    // Texts that are read before the others draft go on together with them.
    return schedule(wanted, { ...limits, chunk: limits.batch, promptsFirst: true });
  }
}

const tokensAt = (text: TokenList, start: number, count: number) =>
  ({ tokens: text.slice(start, start + count), logits: 'last' }) as const;

/** Answers a request that is complete, or that nobody waits for. */
function resolveIfDone({ request, length, drafted, resolve }: Draft): boolean {
  if (drafted.length < request.most && !request.cancelled()) return false;
  request.text.truncate(length);
  resolve(drafted);
  return true;
}
