import type { Model } from '../src/index.ts';
import { ExpertPool } from '../src/pager/expert-pool.ts';
import { type ExpertPass, ExpertTrace } from './expert-trace.ts';
import { ReadingAlone } from './reading-alone.ts';

/** A pass that takes each of some answers on by a token. */
export interface AnswerPass extends ExpertPass {
  readonly texts: number;
  /** Seconds since the pass before had ended: sampling, and whatever else an engine does. */
  readonly between: number;
  /** Bytes a second at which experts were read alone before the pass. */
  readonly rate: number;
  /** The experts of all tokens by router. */
  readonly routes: readonly (readonly number[])[];
}

/** Hears of the passes of a model whose experts are in slots, however they come about. */
export class ObservedAnswers implements AsyncDisposable {
  readonly pools: readonly ExpertPool[];
  readonly #reading: ReadingAlone;
  #routes = new Map<ExpertPool, readonly number[]>();
  #passes: AnswerPass[] = [];

  private constructor(pools: readonly ExpertPool[], reading: ReadingAlone) {
    this.pools = pools;
    this.#reading = reading;
  }

  /** Loads the model, and listens from then on. */
  static async of(model: Model): Promise<ObservedAnswers> {
    const runtime = await model.start();
    await model.load();
    const pools = runtime.pager.experts.filter((pool) => pool instanceof ExpertPool);
    if (pools.length === 0) throw new Error('all experts are resident');
    const observed = new ObservedAnswers(pools, new ReadingAlone(pools, model.outline.file.files));
    const trace = observed.#listen();
    const run = runtime.run.bind(runtime);
    let ended = performance.now();
    runtime.run = async (spans, options) => {
      const between = (performance.now() - ended) / 1000;
      const rate = await observed.#reading.rate();
      const began = performance.now();
      const logits = await run(spans, { ...options, trace: trace.onStep });
      ended = performance.now();
      const pass = { ...trace.take((ended - began) / 1000), texts: spans.length, between, rate };
      if (spans.every(({ logits, tokens }) => logits === 'all' && tokens.length === 1)) observed.#keep(pass);
      return logits;
    };
    return observed;
  }

  /** The passes since the last time. */
  take(): readonly AnswerPass[] {
    const passes = this.#passes;
    this.#passes = [];
    return passes;
  }

  #listen(): ExpertTrace {
    const trace = new ExpertTrace(this.pools);
    for (const pool of this.pools) {
      const { onRoute } = pool;
      pool.onRoute = (batch, routing) => {
        this.#routes.set(pool, Array.from(batch.ids));
        onRoute?.(batch, routing);
      };
    }
    return trace;
  }

  #keep(pass: Omit<AnswerPass, 'routes'>): void {
    this.#passes.push({ ...pass, routes: this.pools.map((pool) => this.#routes.get(pool) ?? []) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reading[Symbol.asyncDispose]();
  }
}
