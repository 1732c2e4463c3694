import { at } from '../base/at.ts';
import { readTensor } from '../ggml/data.ts';
import type { Device } from '../ggml/device.ts';
import type { Tensor } from '../ggml/graph.ts';
import type { GraphOutput } from '../ggml/graph-output.ts';
import type { Need } from '../pager/block.ts';
import type { Pager } from '../pager/pager.ts';
import type { GraphSource, Program, Step } from './program.ts';
import { type ReadFinding, ReadTuner } from './read-tuner.ts';
import type { Span } from './span.ts';
import { ThreadTuner } from './thread-tuner.ts';

/** A step of a pass that has ended; times are milliseconds of `performance.now()`. */
export interface StepEvent {
  readonly step: Step;
  readonly requested: number;
  /** The time when its needs were in place. */
  readonly begin: number;
  readonly end: number;
}

export interface PassOptions {
  /** Default: logits. */
  readonly output?: GraphOutput | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called after each step with the share of the pass that is done. */
  readonly onStep?: ((share: number) => void) | undefined;
  /** Hears of every step. */
  readonly trace?: ((event: StepEvent) => void) | undefined;
  /** Computes on whatever lies in the ring and reads nothing: for measuring. The logits mean nothing. */
  readonly withoutReads?: boolean | undefined;
}

export interface ForwardParts {
  readonly graphs: GraphSource;
  readonly pager: Pager;
  readonly device: Pick<Device, 'kind' | 'threads' | 'compute' | 'checkComputed'>;
}

/** Takes spans of tokens through the model: one pass over its weights, resident or streamed. */
export class Forward {
  /** Seconds of computing so far. */
  computeSeconds = 0;
  /** Threads that tokens alone are computed with at first; undefined for all. */
  firstThreads: number | undefined;
  readonly #parts: ForwardParts;
  /** Tuners by the number of tokens in a pass. */
  readonly #choices = new Map<number, ThreadTuner>();
  /** The same of a GPU that is read for. */
  readonly #readChoices = new Map<number, ReadTuner>();
  #result: Float32Array = new Float32Array();

  constructor(parts: ForwardParts) {
    this.#parts = parts;
  }

  /** Whether tokens alone are read for while a GPU computes them; undefined until that was measured, and for a CPU. */
  get reading(): ReadFinding | undefined {
    return this.#readChoices.get(1)?.finding;
  }

  /**
   * The logits (vocabulary, outputs) or embeddings (width, outputs) asked for, float32, in the order of the spans: valid
   * until the next run. A signal ends the pass between two steps. Rejects with READ_FAILED, FILE_CHANGED, WRITE_FAILED,
   * COMPUTE_FAILED, DEVICE_FAILED, OUT_OF_MEMORY, or the signal's reason.
   */
  async run(
    spans: readonly Span[],
    { output = 'logits', signal, onStep, trace, withoutReads = false }: PassOptions = {},
  ): Promise<Float32Array> {
    const { graphs, pager, device } = this.#parts;
    const program = graphs.compile(spans, output);
    const isCpu = device.kind === 'cpu';
    const choice = isCpu && program.ringMode === 'plain' && !withoutReads ? this.#choiceFor(spans) : undefined;
    const threads =
      isCpu && program.ringMode === 'loading' ? Math.max(1, device.threads - 1) : (choice?.threads ?? device.threads);
    const readChoice = isCpu || withoutReads ? undefined : this.#readChoiceFor(spans, program);
    const used = process.cpuUsage();
    let [compute, stall, steps] = [0, 0, 0];
    try {
      await pager.begin(program.reads, { recorded: !withoutReads, beside: readChoice?.beside ?? true });
      program.begin(spans);
      for (const step of program.steps(threads !== device.threads)) {
        signal?.throwIfAborted();
        const [requested, stalled] = [performance.now(), pager.stallSeconds];
        using _lease = await pager.lease(withoutReads ? step.needs.filter(dependsOnPass) : step.needs);
        await device.compute(step.graph, step.allThreads ? device.threads : threads, choice?.spin);
        if (!withoutReads) pager.store(step.writes);
        const [waited, end] = [pager.stallSeconds - stalled, performance.now()];
        stall += waited;
        compute += (end - requested) / 1000 - waited;
        steps += 1;
        trace?.({ step, requested, begin: requested + 1000 * waited, end });
        onStep?.(step.share);
      }
      device.checkComputed();
      await pager.finish();
    } catch (error) {
      program.fail(spans);
      await pager.restart();
      throw error;
    }
    program.end(spans);
    this.computeSeconds += compute;
    const { user, system } = process.cpuUsage(used);
    readChoice?.record(compute + stall);
    choice?.record({ steps, compute, stall, cpu: (user + system) / 1e6 });
    return this.#read(program.result);
  }

  /** One array serves all passes: garbage of this size would pile up before it is collected. */
  #read({ pointer, shape }: Tensor): Float32Array {
    const length = at(shape, 0) * at(shape, 1);
    if (this.#result.length < length) this.#result = new Float32Array(length);
    const result = this.#result.subarray(0, length);
    readTensor(pointer, result);
    return result;
  }

  /** Undefined where nothing is read, or residents are loaded on the way. */
  #readChoiceFor(spans: readonly Span[], { ringMode, reads }: Program): ReadTuner | undefined {
    const isRead = this.#parts.pager.experts.length > 0 || [...reads.values()].some((blocks) => blocks.length > 0);
    if (ringMode !== 'plain' || !isRead) return undefined;
    const tokens = tokensOf(spans);
    const choice = this.#readChoices.get(tokens) ?? new ReadTuner();
    this.#readChoices.set(tokens, choice);
    return choice;
  }

  #choiceFor(spans: readonly Span[]): ThreadTuner {
    const tokens = tokensOf(spans);
    const first = tokens === 1 ? this.firstThreads : undefined;
    const choice = this.#choices.get(tokens) ?? new ThreadTuner(this.#parts.device.threads, first);
    this.#choices.set(tokens, choice);
    return choice;
  }
}

const tokensOf = (spans: readonly Span[]): number => spans.reduce((sum, { tokens }) => sum + tokens.length, 0);

/** True where the blocks are not the same ones in every pass. */
const dependsOnPass = ({ blocks }: Need): boolean => typeof blocks === 'function';
