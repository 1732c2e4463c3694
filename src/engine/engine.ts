import type { GraphOutput } from '../ggml/graph-output.ts';
import type { TokenCounts } from '../runtime/plan-choices.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { SequenceCache } from '../state/sequence-cache.ts';
import { type EngineTotals, TotalsCounter } from './engine-totals.ts';
import { failPart } from './failed-part.ts';
import { LoneTokens } from './lone-tokens.ts';
import type { Member } from './member.ts';
import { advance, Pass } from './pass.ts';
import { PassRecorder } from './pass-recorder.ts';
import { PromptChunk } from './prompt-chunk.ts';
import { Sequence } from './sequence.ts';
import { Speculation } from './speculation.ts';

/** A task that needs the runtime for itself. */
interface LoneTask {
  readonly run: (runtime: Runtime) => Promise<void>;
  readonly fail: (error: Error) => void;
}

/** The begin of a text that is computed. */
interface Begin {
  readonly cache: SequenceCache;
  /** Tokens that were stored when it began, at `since` by `performance.now()`. */
  readonly cached: number;
  readonly since: number;
}

/** A text that is computed. */
export interface ActiveMember extends Omit<Begin, 'cache'> {
  readonly member: Member;
  /** Tokens that are stored; a part of a pass counts as a part of its tokens. */
  readonly stored: number;
}

/** Gives the runtime, the same one each time, opened to suit `tokens` if it is not open. Rejects if it cannot be. */
type OpenRuntime = (tokens?: TokenCounts) => Promise<Runtime>;

/**
 * One loop for all sequences: each pass over the weights takes every sequence on, prompts and answers together. They
 * join and leave between passes, first come first served.
 */
export class Engine {
  readonly loneTokens: LoneTokens = new LoneTokens();
  readonly recorder: PassRecorder = new PassRecorder();
  readonly #open: OpenRuntime;
  readonly #waiting: (Member | LoneTask)[] = [];
  readonly #promptChunk: PromptChunk = new PromptChunk();
  readonly #speculation: Speculation = new Speculation();
  readonly #totals: TotalsCounter = new TotalsCounter();
  /** Prompts and those that decode take turns where they do not share a pass. */
  #promptsFirst = false;
  /** The output of the last pass: texts that want different ones take turns. */
  #output: GraphOutput = 'logits';
  #active: Member[] = [];
  readonly #begun: WeakMap<Member, Begin> = new WeakMap();
  #looping: Promise<void> | undefined;
  /** True if something has come since the loop last looked. */
  #woken = false;
  /** The pass under way, from when it is scheduled. */
  #pass: Pass | undefined;
  #closed: Error | undefined;

  constructor(open: OpenRuntime) {
    this.#open = open;
  }

  /** Totals so far, without those that the runtime counts itself. */
  get sums(): EngineTotals {
    return this.#totals.sums;
  }

  /** Numbers of sequences that wait for a cache, and of those that have one. */
  get load(): { readonly waiting: number; readonly active: number } {
    return { waiting: this.#waiting.length, active: this.#active.length };
  }

  /** The texts that are computed. */
  get members(): readonly ActiveMember[] {
    return this.#active.flatMap((member) => {
      const begun = this.#begun.get(member);
      if (!begun) return [];
      const { cache, cached, since } = begun;
      const stored = cache.tokens.length + (this.#pass ? this.#pass.computedOf(member) : 0);
      return [{ member, stored, cached, since }];
    });
  }

  submit(sequence: Member): void {
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
    await this.#looping;
  }

  #start(): void {
    this.#woken = true;
    this.#looping ??= this.#loop();
  }

  async #loop(): Promise<void> {
    // Sequences that are submitted in one turn of the event loop share the first pass.
    await Promise.resolve();
    while (this.#woken) {
      this.#woken = false;
      for (let runtime = await this.#admit(); runtime; runtime = await this.#admit()) {
        await this.#takeTurn(runtime);
        this.#finish(runtime);
      }
    }
    this.#looping = undefined;
  }

  /** Admits those that wait, in their order. Returns the runtime if there is something to compute. */
  async #admit(): Promise<Runtime | undefined> {
    for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
      const served = 'run' in next ? await this.#runAlone(next) : await this.#admitSequence(next);
      if (!served) break;
      // A close meanwhile has emptied the list already.
      if (this.#waiting[0] === next) this.#waiting.shift();
    }
    return this.#active.length > 0 ? this.#open() : undefined;
  }

  /** Gives a sequence a cache. False if there is none yet. */
  async #admitSequence(sequence: Member): Promise<boolean> {
    if (sequence.ended) return true;
    try {
      const runtime = await this.#open(sequence.tokens);
      sequence.checkFits(runtime.plan.context);
      if (!runtime.caches.free) return false;
      const { cache, cached } = await runtime.caches.acquire(sequence.text, sequence.parts.scales);
      if (sequence.ended) runtime.release(cache, () => this.#start());
      else {
        // Active first, so that it leaves the cache again whatever happens.
        this.#active.push(sequence);
        this.#begun.set(sequence, { cache, cached, since: performance.now() });
        sequence.begin(runtime, cache, cached);
        runtime.debug?.('sequence begun', {
          prompt: sequence.promptTokens,
          cached,
          active: this.#active.length,
        });
        this.#totals.countPrefix(cached);
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

  /** One pass over all sequences: schedule, run, postprocess. An error ends those in the pass; all, before there is one. */
  async #takeTurn(runtime: Runtime): Promise<void> {
    const { stallSeconds } = runtime.pager;
    const began = performance.now();
    try {
      const pass = await this.#schedule(runtime);
      const logits = await this.#run(runtime, pass);
      this.#postprocess(runtime, pass, logits);
      this.loneTokens.record(pass, (performance.now() - began) / 1000, runtime.pager.stallSeconds - stallSeconds);
    } catch (error) {
      if (this.#pass) for (const part of this.#pass.parts) failPart(part, error as Error);
      else for (const sequence of this.#active) sequence.fail(error as Error);
    } finally {
      this.#pass = undefined;
    }
  }

  /** The next pass: sequences that decode draft as far as that pays, then each has its tokens. */
  async #schedule(runtime: Runtime): Promise<Pass> {
    const answers = this.#active.filter((one): one is Sequence => one instanceof Sequence);
    await this.#speculation.draft(answers, runtime);
    const { limits, plan } = runtime;
    const promptsFirst = this.#promptsFirst;
    this.#promptsFirst = !promptsFirst;
    // Each part of a prompt in a pass of its own would read nearly all experts.
    const chunk = limits.even && plan.shares.experts > 0 ? limits.batch : this.#promptChunk.tokens;
    const outputs = new Set(this.#active.flatMap(({ ended, output }) => (ended ? [] : [output])));
    if (outputs.size > 1) this.#output = this.#output === 'logits' ? 'embeddings' : 'logits';
    else for (const output of outputs) this.#output = output;
    this.#pass = Pass.of(this.#active, this.#output, { ...limits, chunk, promptsFirst });
    return this.#pass;
  }

  /** Computes a pass, and learns from the time that it takes. Returns its logits; none of a pass without tokens. */
  async #run(runtime: Runtime, pass: Pass): Promise<Float32Array> {
    const [first] = pass.parts;
    if (!first) return new Float32Array();
    const { output, decoding, prompts, signal } = pass;
    // Embeddings do not read all residents, so that none would be loaded on the way.
    const tokens = output === 'logits' ? pass.tokens : Number.POSITIVE_INFINITY;
    await runtime.load({ tokens, onProgress: first.sequence.parts.onLoad, signal });
    const began = performance.now();
    pass.begin();
    const onStep = (share: number): void => pass.progress(runtime, share);
    const logits = await this.recorder.record(runtime, pass, (trace) =>
      runtime.run(pass.spans, { output, signal, onStep, trace }),
    );
    const seconds = (performance.now() - began) / 1000;
    if (runtime.limits.even && decoding === 0) this.#promptChunk.recordAlone(prompts, seconds);
    else this.#promptChunk.record({ decoding, prompts, seconds });
    this.#speculation.record(pass, seconds);
    return logits;
  }

  /** Takes each sequence on by its logits. An error ends this sequence alone. */
  #postprocess(runtime: Runtime, pass: Pass, logits: Float32Array): void {
    this.#totals.countPass(pass);
    for (const [part, logitsAfter] of pass.results(logits)) {
      const { answerTokens } = part.sequence;
      try {
        this.#totals.countDrafts(advance(part, logitsAfter, runtime));
      } catch (error) {
        failPart(part, error as Error);
      }
      this.#totals.countAnswer(part.sequence.answerTokens - answerTokens);
    }
  }

  /** Releases the caches of sequences that have ended. */
  #finish(runtime: Runtime): void {
    for (const { ended, output, cache, answerTokens, stopReason, error } of this.#active) {
      if (!ended || !cache) continue;
      // Nobody goes on with a text that was embedded.
      if (output === 'embeddings') cache.truncate(0);
      runtime.debug?.('sequence ended', { answer: answerTokens, reason: stopReason ?? error?.message });
      runtime.release(cache, () => this.#start());
    }
    this.#active = this.#active.filter((sequence) => !sequence.ended);
  }
}
