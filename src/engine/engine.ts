import { at } from '../base/at.ts';
import { EngineError } from '../base/errors.ts';
import type { KvSlot } from '../kv/slot.ts';
import { Pace } from '../plan/pace.ts';
import type { Plan } from '../plan/plan.ts';
import { schedule } from '../plan/schedule.ts';
import type { Span } from '../run/span.ts';
import { finite } from '../sample/finite.ts';
import type { Tokens } from './planner.ts';
import type { Runtime } from './runtime.ts';
import { Sequence } from './sequence.ts';
import { Speculation } from './speculation.ts';
import { type EngineSums, noSums } from './tally.ts';

/** A task that needs the runtime for itself. */
interface Work {
  readonly plan: Plan | undefined;
  readonly run: (runtime: Runtime) => Promise<void>;
  readonly fail: (error: Error) => void;
}

/** A sequence's part of a pass. */
interface Turn {
  readonly sequence: Sequence;
  readonly slot: KvSlot;
  readonly span: Span;
}

/** Reasons to open the runtime: a plan, or tokens that it should suit. */
export interface Wanted {
  readonly plan: Plan | undefined;
  readonly tokens?: Tokens | undefined;
}

/**
 * One loop for all sequences: each pass over the weights takes every sequence on, prompts and answers together. They
 * join and leave between passes, first come first served.
 */
export class Engine {
  readonly #open: (wanted: Wanted) => Promise<Runtime>;
  readonly #waiting: (Sequence | Work)[] = [];
  readonly #pace: Pace = new Pace();
  readonly #speculation: Speculation = new Speculation();
  readonly #sums = { ...noSums };
  #active: Sequence[] = [];
  #running: Promise<void> | undefined;
  /** True if something has come since the loop last looked. */
  #woken = false;
  #pass: AbortController | undefined;
  #closed: Error | undefined;

  /** Engine over `open`, which gives the runtime, the same one each time, or rejects. */
  constructor(open: (wanted: Wanted) => Promise<Runtime>) {
    this.#open = open;
  }

  /** Totals so far, without those that the runtime counts itself. */
  get sums(): EngineSums {
    return this.#sums;
  }

  /** Numbers of sequences that wait for a slot, and of those that have one. */
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
  exclusively<T>(work: (runtime: Runtime) => Promise<T>, plan?: Plan): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(this.#closed);
      this.#waiting.push({ plan, run: (runtime) => work(runtime).then(resolve, reject), fail: reject });
      this.#start();
    });
  }

  /** Ends the pass at its next step if a sequence that was ended from outside was the last in it. */
  cancelled(): void {
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
        this.#dismiss(runtime);
      }
    }
    this.#running = undefined;
  }

  /** Admits those that wait, in their order. Returns the runtime if there is something to compute. */
  async #admit(): Promise<Runtime | undefined> {
    for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
      const served = next instanceof Sequence ? await this.#seat(next) : await this.#work(next);
      if (!served) break;
      // A close meanwhile has emptied the list already.
      if (this.#waiting[0] === next) this.#waiting.shift();
    }
    return this.#active.length > 0 ? this.#open({ plan: undefined }) : undefined;
  }

  /** Gives a sequence a slot. False if there is none yet. */
  async #seat(sequence: Sequence): Promise<boolean> {
    if (sequence.ended) return true;
    try {
      const runtime = await this.#open({ plan: sequence.parts.plan, tokens: sequence.tokens });
      sequence.checkFits(runtime.plan.context);
      if (!runtime.slots.free) return false;
      const { slot, cached } = await runtime.slots.take(sequence.text);
      if (sequence.ended) runtime.release(slot, () => this.#start());
      else {
        // Active first, so that it leaves the slot again whatever happens.
        this.#active.push(sequence);
        sequence.begin(runtime, slot, cached);
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
  async #work(work: Work): Promise<boolean> {
    if (this.#active.length > 0) return false;
    try {
      const runtime = await this.#open(work);
      await runtime.released();
      await work.run(runtime);
    } catch (error) {
      work.fail(error as Error);
    }
    return true;
  }

  /** One pass: draft, schedule, compute, choose. */
  async #step(runtime: Runtime): Promise<void> {
    const guessing = this.#active.filter(({ ended, decoding }) => !ended && decoding);
    const depths = await this.#speculation.draft(guessing, runtime.limits);
    if (depths.length > 0) {
      runtime.debug?.('guessed', { depths, guesses: guessing.map(({ pending }) => pending - 1) });
    }
    const turns = this.#turns(runtime.limits);
    if (turns.length === 0) return;
    const tokens = turns.reduce((sum, { span }) => sum + span.tokens.length, 0);
    const decoding = turns.reduce((sum, { span, sequence }) => sum + (sequence.decoding ? span.tokens.length : 0), 0);
    const prompts = tokens - decoding;
    this.#pass = new AbortController();
    const { signal } = this.#pass;
    const onStep = (share: number): void => {
      for (const { sequence, span } of turns) sequence.progress(runtime, span.tokens.length, share);
    };
    try {
      await runtime.load({ tokens, onProgress: at(turns, 0).sequence.parts.onLoad, signal });
      const began = performance.now();
      const spans = turns.map(({ span }) => span);
      for (const { slot, span } of turns) slot.expect(span.tokens.length);
      const rows = rowsOf(await runtime.run(spans, { signal, onStep }), spans);
      const seconds = (performance.now() - began) / 1000;
      this.#pace.passed({ decoding, prompts, seconds });
      if (prompts === 0) this.#speculation.passed(tokens, seconds);
      this.#sums.passes += 1;
      this.#sums.sequences += turns.length;
      this.#sums.promptTokens += prompts;
      for (const [i, turn] of turns.entries()) this.#advance(turn, rows(i), runtime);
    } catch (error) {
      for (const { sequence, slot } of turns) {
        if (!slot.inMemory && isLoss(error)) slot.keep(0);
        sequence.fail(error as Error);
      }
    } finally {
      this.#pass = undefined;
    }
  }

  /** The sequences of the next pass, with their tokens. */
  #turns(limits: Runtime['limits']): readonly Turn[] {
    const active = this.#active.filter(({ ended }) => !ended);
    const pending = active.map((sequence) => ({ tokens: sequence.pending, decoding: sequence.decoding }));
    const counts = schedule(pending, { ...limits, chunk: this.#pace.chunk });
    return active.flatMap((sequence, i) => {
      const { slot, decoding } = sequence;
      const tokens = sequence.upcoming(at(counts, i));
      if (tokens.length === 0 || !slot) return [];
      const span = { kv: slot.kv, start: slot.tokens.length, tokens, logits: decoding ? 'all' : 'last' } as const;
      return [{ sequence, slot, span }];
    });
  }

  /** Stores a sequence's part of the pass and samples from it. An error ends this sequence alone. */
  #advance({ sequence, slot, span }: Turn, rows: (index: number) => Float32Array, { path, limits }: Runtime): void {
    const { decoding } = sequence;
    const before = sequence.answerTokens;
    // Computed tokens are stored even if the sequence has left meanwhile.
    slot.store(span.tokens, decoding ? undefined : limits.batch);
    try {
      const kept = sequence.advance(span.tokens.length, (index) => finite(rows(index), path));
      slot.keep(span.start + kept);
      this.#sums.drafted += decoding ? span.tokens.length - 1 : 0;
      this.#sums.accepted += decoding ? kept - 1 : 0;
    } catch (error) {
      // A text without finite logits is of no use, none of it.
      slot.keep(isLoss(error) ? 0 : span.start);
      sequence.fail(error as Error);
    }
    this.#sums.answerTokens += sequence.answerTokens - before;
  }

  /** Releases the slots of sequences that have ended. */
  #dismiss(runtime: Runtime): void {
    for (const { ended, slot, answerTokens, stopReason, error } of this.#active) {
      if (!ended || !slot) continue;
      runtime.debug?.('sequence ended', { answer: answerTokens, reason: stopReason ?? error?.message });
      runtime.release(slot, () => this.#start());
    }
    this.#active = this.#active.filter((sequence) => !sequence.ended);
  }
}

/** True where a stored text is lost: bytes that were not written, or cannot be read, may have been the only copy. */
const isLoss = (error: unknown): boolean =>
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
