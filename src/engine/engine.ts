import { at } from '../base/at.ts';
import { EngineError } from '../base/errors.ts';
import type { Span } from '../exec/span.ts';
import { schedule } from '../plan/schedule.ts';
import type { TokenCounts } from '../runtime/plan-choices.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { checkFinite } from '../sample/check-finite.ts';
import type { SequenceCache } from '../state/sequence-cache.ts';
import { type EngineTotals, zeroTotals } from './engine-totals.ts';
import { PromptChunk } from './prompt-chunk.ts';
import { Sequence } from './sequence.ts';
import { Speculation } from './speculation.ts';

/** A task that needs the runtime for itself. */
interface LoneTask {
  readonly run: (runtime: Runtime) => Promise<void>;
  readonly fail: (error: Error) => void;
}

/** A sequence's part of a pass. */
interface ScheduledSpan {
  readonly sequence: Sequence;
  readonly cache: SequenceCache;
  readonly span: Span;
}

/** Gives the runtime, the same one each time, opened to suit `tokens` if it is not open. Rejects if it cannot be. */
type OpenRuntime = (tokens?: TokenCounts) => Promise<Runtime>;

/**
 * One loop for all sequences: each pass over the weights takes every sequence on, prompts and answers together. They
 * join and leave between passes, first come first served.
 */
export class Engine {
  readonly #open: OpenRuntime;
  readonly #waiting: (Sequence | LoneTask)[] = [];
  readonly #promptChunk: PromptChunk = new PromptChunk();
  readonly #speculation: Speculation = new Speculation();
  readonly #sums = { ...zeroTotals };
  #active: Sequence[] = [];
  #running: Promise<void> | undefined;
  /** True if something has come since the loop last looked. */
  #woken = false;
  #pass: AbortController | undefined;
  #closed: Error | undefined;

  constructor(open: OpenRuntime) {
    this.#open = open;
  }

  /** Totals so far, without those that the runtime counts itself. */
  get sums(): EngineTotals {
    return this.#sums;
  }

  /** Numbers of sequences that wait for a cache, and of those that have one. */
  get load(): { readonly waiting: number; readonly active: number } {
    return { waiting: this.#waiting.length, active: this.#active.length };
  }

  submit(sequence: Sequence): void {
    if (this.#closed) sequence.fail(this.#closed);
    else {
      this.#waiting.push(sequence);
      this.#start();
    }
  }

  /** Does `work` with the runtime when those before are done, and nobody else until it is. */
  alone<T>(work: (runtime: Runtime) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(this.#closed);
      this.#waiting.push({ run: (runtime) => work(runtime).then(resolve, reject), fail: reject });
      this.#start();
    });
  }

  /** Ends the pass at its next step if a sequence that was ended from outside was the last in it. */
  onCancelled(): void {
    if (this.#active.every((sequence) => sequence.ended)) this.#pass?.abort();
  }

  /** Fails everything with `error`, now and later, and waits until the loop stands still. */
  async close(error: Error): Promise<void> {
    this.#closed = error;
    for (const one of this.#waiting.splice(0)) one.fail(error);
    for (const sequence of this.#active) sequence.fail(error);
    this.#pass?.abort();
    await this.#running;
  }

  #start(): void {
    this.#woken = true;
    this.#running ??= this.#loop();
  }

  async #loop(): Promise<void> {
    // Sequences that are submitted in one turn of the event loop share the first pass.
    await Promise.resolve();
    while (this.#woken) {
      this.#woken = false;
      for (let runtime = await this.#admit(); runtime; runtime = await this.#admit()) {
        await this.#step(runtime);
        this.#finish(runtime);
      }
    }
    this.#running = undefined;
  }

  /** Admits those that wait, in their order. Returns the runtime if there is something to compute. */
  async #admit(): Promise<Runtime | undefined> {
    for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
      const served = next instanceof Sequence ? await this.#admitSequence(next) : await this.#runAlone(next);
      if (!served) break;
      // A close meanwhile has emptied the list already.
      if (this.#waiting[0] === next) this.#waiting.shift();
    }
    return this.#active.length > 0 ? this.#open() : undefined;
  }

  /** Gives a sequence a cache. False if there is none yet. */
  async #admitSequence(sequence: Sequence): Promise<boolean> {
    if (sequence.ended) return true;
    try {
      const runtime = await this.#open(sequence.tokens);
      sequence.checkFits(runtime.plan.context);
      if (!runtime.caches.free) return false;
      const { cache, cached } = await runtime.caches.acquire(sequence.text);
      if (sequence.ended) runtime.release(cache, () => this.#start());
      else {
        // Active first, so that it leaves the cache again whatever happens.
        this.#active.push(sequence);
        sequence.begin(runtime, cache, cached);
        runtime.debug?.('sequence begun', {
          prompt: sequence.promptTokens,
          cached,
          active: this.#active.length,
        });
        this.#sums[cached > 0 ? 'prefixHits' : 'prefixMisses'] += 1;
        this.#sums.cachedTokens += cached;
      }
    } catch (error) {
      sequence.fail(error as Error);
    }
    return true;
  }

  /** Runs a task. False if the runtime cannot be its own yet. */
  async #runAlone(task: LoneTask): Promise<boolean> {
    if (this.#active.length > 0) return false;
    try {
      const runtime = await this.#open();
      await runtime.allReleased();
      await task.run(runtime);
    } catch (error) {
      task.fail(error as Error);
    }
    return true;
  }

  /** One pass: draft, schedule, compute, choose. */
  async #step(runtime: Runtime): Promise<void> {
    const decoders = this.#active.filter(({ ended, decoding }) => !ended && decoding);
    const depths = await this.#speculation.draft(decoders, runtime.limits);
    if (depths.length > 0) {
      runtime.debug?.('guessed', { depths, guesses: decoders.map(({ draftTokens }) => draftTokens) });
    }
    const scheduled = this.#schedule(runtime.limits);
    if (scheduled.length === 0) return;
    const tokens = scheduled.reduce((sum, { span }) => sum + span.tokens.length, 0);
    const decoding = scheduled.reduce(
      (sum, { span, sequence }) => sum + (sequence.decoding ? span.tokens.length : 0),
      0,
    );
    const prompts = tokens - decoding;
    this.#pass = new AbortController();
    const { signal } = this.#pass;
    const onStep = (share: number): void => {
      for (const { sequence, span } of scheduled) sequence.progress(runtime, span.tokens.length, share);
    };
    try {
      await runtime.load({ tokens, onProgress: at(scheduled, 0).sequence.parts.onLoad, signal });
      const began = performance.now();
      const spans = scheduled.map(({ span }) => span);
      for (const { cache, span } of scheduled) cache.begin(span.tokens.length);
      const rows = rowsOf(await runtime.run(spans, { signal, onStep }), spans);
      const seconds = (performance.now() - began) / 1000;
      this.#promptChunk.record({ decoding, prompts, seconds });
      if (prompts === 0) this.#speculation.record(tokens, seconds);
      this.#sums.passes += 1;
      this.#sums.sequences += scheduled.length;
      this.#sums.promptTokens += prompts;
      for (const [i, one] of scheduled.entries()) this.#advance(one, rows(i), runtime);
    } catch (error) {
      for (const { sequence, cache } of scheduled) {
        // The cache keeps the tokens from before the pass, or nothing.
        cache.truncate(!cache.inMemory && losesCache(error) ? 0 : cache.tokens.length);
        sequence.fail(error as Error);
      }
    } finally {
      this.#pass = undefined;
    }
  }

  /** The sequences of the next pass, with their tokens. */
  #schedule(limits: Runtime['limits']): readonly ScheduledSpan[] {
    const active = this.#active.filter(({ ended }) => !ended);
    const pending = active.map((sequence) => ({ tokens: sequence.pending, decoding: sequence.decoding }));
    const counts = schedule(pending, { ...limits, chunk: this.#promptChunk.tokens });
    return active.flatMap((sequence, i) => {
      const { cache, decoding } = sequence;
      const tokens = sequence.upcoming(at(counts, i));
      if (tokens.length === 0 || !cache) return [];
      const span = { kv: cache.kv, start: cache.tokens.length, tokens, logits: decoding ? 'all' : 'last' } as const;
      return [{ sequence, cache, span }];
    });
  }

  /** Stores a sequence's part of the pass and samples from it. An error ends this sequence alone. */
  #advance(
    { sequence, cache, span }: ScheduledSpan,
    rows: (index: number) => Float32Array,
    { path, limits }: Runtime,
  ): void {
    const { decoding, draftTokens } = sequence;
    const before = sequence.answerTokens;
    // Computed tokens are stored even if the sequence has left meanwhile.
    cache.store(span.tokens, decoding ? undefined : limits.batch);
    try {
      const count = span.tokens.length;
      const kept = sequence.advance(span.start, count, (index) => checkFinite(rows(index), path));
      cache.truncate(span.start + kept);
      // The next prompt often parts from this one where the answer begins.
      if (!decoding && sequence.decoding) cache.snapshot();
      this.#sums.drafted += draftTokens;
      this.#sums.accepted += kept - (count - draftTokens);
    } catch (error) {
      // A text without finite logits is of no use, none of it.
      cache.truncate(losesCache(error) ? 0 : span.start);
      sequence.fail(error as Error);
    }
    this.#sums.answerTokens += sequence.answerTokens - before;
  }

  /** Releases the caches of sequences that have ended. */
  #finish(runtime: Runtime): void {
    for (const { ended, cache, answerTokens, stopReason, error } of this.#active) {
      if (!ended || !cache) continue;
      runtime.debug?.('sequence ended', { answer: answerTokens, reason: stopReason ?? error?.message });
      runtime.release(cache, () => this.#start());
    }
    this.#active = this.#active.filter((sequence) => !sequence.ended);
  }
}

/** True where a stored text is lost: bytes that were not written, or cannot be read, may have been the only copy. */
const losesCache = (error: unknown): boolean =>
  error instanceof EngineError && ['WRITE_FAILED', 'READ_FAILED', 'FILE_CHANGED', 'NOT_FINITE'].includes(error.code);

/**
 * The logits of the spans, (vocabulary) after token `index` of span `i`; for a span without all logits, after its last.
 */
function rowsOf(logits: Float32Array, spans: readonly Span[]): (i: number) => (index: number) => Float32Array {
  const firsts: number[] = [];
  let rows = 0;
  for (const span of spans) {
    firsts.push(rows);
    rows += span.logits === 'all' ? span.tokens.length : 1;
  }
  const vocabulary = logits.length / rows;
  return (i) => (index) => {
    const row = at(firsts, i) + (at(spans, i).logits === 'all' ? index : 0);
    return logits.subarray(row * vocabulary, (row + 1) * vocabulary);
  };
}
