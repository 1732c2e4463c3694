import type { Drafter } from '../../src/engine/draft/drafter.ts';
import { Engine } from '../../src/engine/engine.ts';
import type { EngineTotals } from '../../src/engine/engine-totals.ts';
import { Generation } from '../../src/engine/generation.ts';
import { Sequence } from '../../src/engine/sequence.ts';
import type { GenerateOptions } from '../../src/model/model-options.ts';
import type { KvOptions } from '../../src/plan/kv-options.ts';
import type { Plan } from '../../src/plan/plan.ts';
import type { Kernels } from '../../src/runtime/planner.ts';
import type { Runtime } from '../../src/runtime/runtime.ts';
import { Sampler } from '../../src/sample/sampler.ts';
import { Vocabulary } from '../../src/text/vocabulary.ts';
import { budgetBeside } from './budget.ts';
import { openRuntime, type TestRuntime } from './open-model.ts';
import { outputOf } from './output-of.ts';

export interface ScriptedOptions {
  /** Bytes of the budget beside this process. */
  readonly beside: number;
  readonly context: number;
  readonly ahead: number;
  readonly parallel?: number;
  readonly kernels?: Kernels;
  readonly kv?: KvOptions;
  /** Draft no more than pays. */
  readonly adaptive?: boolean;
}

/** An engine whose sequences draft what a test wants. */
export class ScriptedEngine implements AsyncDisposable {
  readonly vocabulary: Vocabulary;
  readonly #opened: TestRuntime;
  readonly #engine: Engine;

  private constructor(opened: TestRuntime, vocabulary: Vocabulary) {
    this.vocabulary = vocabulary;
    this.#opened = opened;
    this.#engine = new Engine(() => Promise.resolve(opened.runtime));
  }

  static async open(path: string, options: ScriptedOptions): Promise<ScriptedEngine> {
    const { beside, context, ahead, parallel = 1, kernels = 'plain', adaptive = false, kv = { home: 'ram' } } = options;
    const { memoryBudget: budget, runtimeBytes: runtime } = budgetBeside(beside);
    const exact = kernels === 'plain';
    const demand = { budget, runtime, context, parallel, ahead, kernels, kv };
    const opened = await openRuntime(path, { ...demand, exact, adaptive });
    return new ScriptedEngine(opened, Vocabulary.open(path));
  }

  get runtime(): Runtime {
    return this.#opened.runtime;
  }

  get plan(): Plan {
    return this.#opened.plan;
  }

  get sums(): EngineTotals {
    return this.#engine.sums;
  }

  generate(prompt: readonly number[], drafter: Drafter, options: GenerateOptions = {}): Generation {
    const { vocabulary } = this;
    const { maxTokens = Number.POSITIVE_INFINITY, longest = Number.POSITIVE_INFINITY } = options;
    const sequence = new Sequence({
      prompt,
      vocabulary,
      newSampler: () => new Sampler(vocabulary.size, options, { bias: options.bias }),
      newDrafter: () => drafter,
      output: outputOf(vocabulary, options.stop ?? []),
      ignoreEnd: options.ignoreEnd ?? false,
      logprobs: options.logprobs,
      maxTokens,
      longest,
    });
    return new Generation(sequence, this.#engine, { signal: options.signal });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#engine.close(new Error('the test is over'));
    await this.#opened[Symbol.asyncDispose]();
    this.vocabulary[Symbol.dispose]();
  }
}
