import { Pace } from '../plan/pace.ts';
import type { Plan } from '../plan/plan.ts';
import { schedule } from '../plan/schedule.ts';
import type { Span } from '../run/batch.ts';
import type { Tokens } from './planner.ts';
import type { Runtime } from './runtime.ts';
import { Sequence } from './sequence.ts';
import { Speculation } from './speculation.ts';
import { type EngineSums, noSums } from './tally.ts';

/** Something that wants the runtime for itself. */
interface Work {
  readonly plan: Plan | undefined;
  readonly run: (runtime: Runtime) => Promise<void>;
  readonly fail: (error: Error) => void;
}

/** What to open the runtime for: a plan, or tokens that it should suit. */
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
  /** Something has come since the loop last looked. */
  #woken = false;
  #pass: AbortController | undefined;
  #closed: Error | undefined;

  /** `open` gives the runtime, the same one each time, or rejects. */
  constructor(open: (wanted: Wanted) => Promise<Runtime>) {
    this.#open = open;
  }

  /** What was done so far, without what the runtime counts itself. */
  get sums(): EngineSums {
    return this.#sums;
  }

  /** Sequences that wait for a place, and those that have one. */
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

  /** A sequence has been ended from outside: if it was the last of the pass, that ends at its next step. */
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
    // Whoever submits several at once has them in the same pass.
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

  /** Gives those who wait what they wait for, in their order. Returns the runtime if there is something to compute. */
  async #admit(): Promise<Runtime | undefined> {
    for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
      const served = next instanceof Sequence ? await this.#seat(next) : await this.#work(next);
      if (!served) break;
      // It is gone already if the engine was closed meanwhile.
      if (this.#waiting[0] === next) this.#waiting.shift();
    }
    return this.#active.length > 0 ? this.#open({ plan: undefined }) : undefined;
  }

  /** False if there is no place for it yet. */
  async #seat(sequence: Sequence): Promise<boolean> {
    if (sequence.ended) return true;
    try {
      const runtime = await this.#open({ plan: sequence.parts.plan, tokens: sequence.tokens });
      sequence.checkFits(runtime.plan.context);
      if (!runtime.slots.free) return false;
      const { slot, cached } = await runtime.slots.take(sequence.parts.prompt);
      if (sequence.ended) runtime.release(slot, () => this.#start());
      else {
        // First of all, so that it leaves the slot again whatever happens.
        this.#active.push(sequence);
        sequence.begin(runtime, slot, cached);
        this.#sums[cached > 0 ? 'prefixHits' : 'prefixMisses'] += 1;
        this.#sums.cachedTokens += cached;
      }
    } catch (error) {
      sequence.fail(error as Error);
    }
    return true;
  }

  /** False if it cannot have the runtime for itself yet. */
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

  /** One pass: decide, compute, choose. */
  async #step(runtime: Runtime): Promise<void> {
    const active = this.#active.filter((sequence) => !sequence.ended);
    if (active.length === 0) return;
    this.#speculation.draft(
      active.filter(({ decoding }) => decoding),
      runtime.limits,
    );
    const pending = active.map((sequence) => ({ tokens: sequence.pending.length, decoding: sequence.decoding }));
    const counts = schedule(pending, { ...runtime.limits, chunk: this.#pace.chunk });
    const chosen = active.flatMap((sequence, i) => {
      const count = counts[i] ?? 0;
      return count > 0 && sequence.slot ? [{ sequence, count, slot: sequence.slot }] : [];
    });
    const tokens = chosen.reduce((sum, { count }) => sum + count, 0);
    const decoding = chosen.reduce((sum, { sequence, count }) => sum + (sequence.decoding ? count : 0), 0);
    const prompts = tokens - decoding;
    const spans = chosen.map(
      ({ sequence, count, slot }): Span => ({
        kv: slot.kv,
        start: slot.tokens.length,
        tokens: sequence.pending.slice(0, count),
        logits: sequence.decoding ? 'all' : 'last',
      }),
    );
    this.#pass = new AbortController();
    const { signal } = this.#pass;
    const onStep = (share: number): void => {
      for (const { sequence, count } of chosen) sequence.progress(runtime, count, share);
    };
    try {
      const [first] = chosen;
      await runtime.load({ tokens, onProgress: first?.sequence.parts.onLoad, signal });
      const began = performance.now();
      const logits = await runtime.run(spans, { signal, onStep });
      const seconds = (performance.now() - began) / 1000;
      this.#pace.passed({ decoding, prompts, seconds });
      if (prompts === 0) this.#speculation.passed(tokens, seconds);
      this.#sums.passes += 1;
      this.#sums.sequences += chosen.length;
      this.#sums.promptTokens += prompts;
      const rows = rowsOf(logits, spans);
      for (const [i, { sequence, count, slot }] of chosen.entries()) {
        const span = spans[i];
        if (!span) continue;
        // What was computed for one that has left meanwhile is stored all the same.
        slot.store(span.tokens, sequence.decoding ? undefined : runtime.limits.batch);
        const before = sequence.answer.length;
        const kept = sequence.advance(count, rows(i));
        slot.keep(span.start + kept);
        this.#sums.answerTokens += sequence.answer.length - before;
        this.#sums.drafted += span.logits === 'all' ? count - 1 : 0;
        this.#sums.accepted += span.logits === 'all' ? kept - 1 : 0;
      }
    } catch (error) {
      for (const { sequence } of chosen) sequence.fail(error as Error);
    } finally {
      this.#pass = undefined;
    }
  }

  /** Those that have ended make room. */
  #dismiss(runtime: Runtime): void {
    for (const { ended, slot } of this.#active) if (ended && slot) runtime.release(slot, () => this.#start());
    this.#active = this.#active.filter((sequence) => !sequence.ended);
  }
}

/** The logits of the spans, (vocabulary) after token `index` of span `i`; of a span without all, after its last only. */
function rowsOf(logits: Float32Array, spans: readonly Span[]): (i: number) => (index: number) => Float32Array {
  const firsts: number[] = [];
  let rows = 0;
  for (const span of spans) {
    firsts.push(rows);
    rows += span.logits === 'all' ? span.tokens.length : 1;
  }
  const vocabulary = logits.length / rows;
  return (i) => (index) => {
    const row = (firsts[i] ?? 0) + (spans[i]?.logits === 'all' ? index : 0);
    return logits.subarray(row * vocabulary, (row + 1) * vocabulary);
  };
}
