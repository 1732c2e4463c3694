import { at } from '../base/at.ts';
import type { Tensor } from '../ggml/graph.ts';
import type { LlamaSpan } from '../ggml/llama-batch.ts';
import type { RingMode } from '../plan/ring-modes.ts';
import type { LlamaSteps } from './llama-steps.ts';
import type { Program, Step } from './program.ts';

/** Where the steps of a group of spans come from, and where results of several groups go. */
export interface LlamaProgramParts extends Pick<Program, 'ringMode' | 'reads'> {
  /** Spans that are computed as one batch, in the order of computing; `indices` are their places in the pass. */
  readonly groups: readonly { readonly spans: readonly LlamaSpan[]; readonly indices: readonly number[] }[];
  /** Has libllama build the graph of a batch. Throws GRAPH_FAILED, OUT_OF_MEMORY. */
  compile(spans: readonly LlamaSpan[]): LlamaSteps;
  /** Gives up the steps of a group behind `share` of it. */
  abandon(steps: LlamaSteps, share: number): void;
  /** The result of the last group that was computed. */
  resultOf(steps: LlamaSteps): Tensor;
  /** Copies rows of `from` to those of a tensor of `count` rows, as pairs of their numbers say. Returns the tensor. */
  gather(from: Tensor, rows: readonly (readonly [number, number])[], count: number): Tensor;
}

/**
 * A pass over graphs of libllama's: one, or one for each group of spans that it cannot compute together. Each is built
 * when those before have been computed.
 */
export class LlamaProgram implements Program {
  readonly ringMode: RingMode;
  readonly reads: Program['reads'];
  readonly #parts: LlamaProgramParts;
  #result: Tensor | undefined;
  /** The group that is being computed, and the share of it that has been. */
  #begun: { readonly compiled: LlamaSteps; readonly share: number } | undefined;

  constructor(parts: LlamaProgramParts) {
    this.ringMode = parts.ringMode;
    this.reads = parts.reads;
    this.#parts = parts;
  }

  get result(): Tensor {
    if (!this.#result) throw new RangeError('the pass has not been computed');
    return this.#result;
  }

  *steps(isolated: boolean): Iterable<Step> {
    const { groups } = this.#parts;
    for (const [i, { spans }] of groups.entries()) {
      const compiled = this.#parts.compile(spans);
      this.#begun = { compiled, share: 0 };
      for (const step of compiled.steps(isolated, spans.length)) {
        yield { ...step, share: (i + step.share) / groups.length };
        this.#begun = { compiled, share: step.share };
      }
      this.#begun = undefined;
      this.#collect(i, this.#parts.resultOf(compiled));
    }
  }

  begin(): void {}

  end(): void {}

  fail(): void {
    if (this.#begun) this.#parts.abandon(this.#begun.compiled, this.#begun.share);
  }

  /** Keeps the result of group `index`, whose memory the next one takes. */
  #collect(index: number, result: Tensor): void {
    const { groups } = this.#parts;
    const { spans, indices } = at(groups, index);
    const columns = at(result.shape, 1);
    const outputs = sum(spans.map((span) => span.outputs));
    const inOrder = indices.every((place, i) => place === i);
    if (groups.length === 1 && inOrder && columns === outputs) {
      this.#result = result;
      return;
    }
    const outputsOf = new Map(groups.flatMap((group) => group.indices.map((i, k) => [i, at(group.spans, k).outputs])));
    const pairs: [number, number][] = [];
    let from = 0;
    for (const [k, { tokens, outputs: wanted }] of spans.entries()) {
      // Those of all tokens, of which the last ones are wanted.
      if (columns !== outputs) from += tokens.length - wanted;
      const before = sum([...outputsOf].map(([i, count]) => (i < at(indices, k) ? count : 0)));
      for (let i = 0; i < wanted; i += 1) pairs.push([from + i, before + i]);
      from += wanted;
    }
    this.#result = this.#parts.gather(result, pairs, sum([...outputsOf.values()]));
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0);
