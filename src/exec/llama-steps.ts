import { at } from '../base/at.ts';
import { EngineError } from '../base/errors.ts';
import type { Need } from '../pager/block.ts';
import type { Pager } from '../pager/pager.ts';
import type { Plan } from '../plan/plan.ts';
import type { RingMode } from '../plan/ring-modes.ts';
import type { StepNodes, StreamedUse } from '../plan/steps.ts';
import type { ExpertSteps, RoutedGraph } from './expert-steps.ts';
import type { LlamaGraph, Lookup } from './llama-graph.ts';
import type { Step } from './program.ts';
import { type GraphStep, routedSteps } from './routed-steps.ts';
import { awaitedUses, weightNeeds, weightSteps } from './weight-steps.ts';

export interface LlamaStepsParts {
  /** The path of the model's file, for errors. */
  readonly file: string;
  readonly plan: Plan;
  readonly pager: Pager;
  readonly ringMode: RingMode;
  /** The need of rows that are looked up. */
  readonly rowsOf: (lookup: Lookup) => Need;
  /** Experts in slots, if there are some. */
  readonly experts: ExpertSteps | undefined;
}

/** A graph of libllama's, cut into steps. */
export class LlamaSteps implements Disposable {
  readonly graph: LlamaGraph;
  readonly ringMode: RingMode;
  readonly #parts: LlamaStepsParts;
  readonly #uses: readonly StreamedUse[];
  readonly #lookups: readonly (Lookup & { readonly need: Need })[];
  readonly #experts: RoutedGraph | undefined;
  readonly #divided = new Map<boolean, readonly GraphStep[]>();

  constructor(graph: LlamaGraph, parts: LlamaStepsParts) {
    this.graph = graph;
    this.ringMode = parts.ringMode;
    this.#parts = parts;
    this.#uses = awaitedUses(parts.plan, graph.uses, parts.ringMode);
    this.#lookups = graph.lookups.map((lookup) => ({ ...lookup, need: parts.rowsOf(lookup) }));
    this.#experts = parts.experts?.plan(graph.nodes.list(), parts.file);
  }

  /**
   * The steps for tokens of `texts`; `isolated` if fewer threads than all compute those that do not need all. Each is asked
   * for when the one before has been computed.
   */
  steps(isolated: boolean, texts: number): Iterable<Step> {
    const steps = this.#divided.get(isolated) ?? this.#divide(isolated ? this.graph.threadBound : []);
    this.#divided.set(isolated, steps);
    return this.#experts ? routedSteps(this.#experts, steps, texts) : steps;
  }

  /** The steps; those of `nodes` are computed alone. */
  #divide(nodes: readonly number[]): readonly GraphStep[] {
    const { plan, pager, ringMode } = this.#parts;
    const count = this.graph.nodes.nodes;
    // The numbers of their rows are known once the nodes before have been computed.
    const late = this.#lookups.filter(({ computed }) => computed).map(({ node }) => node);
    const alone = [...new Set([...nodes, ...late])].map((node) => ({ from: node, to: node + 1 }));
    const cuts = (this.#experts?.cuts ?? []).map((node) => ({ from: node, to: node }));
    const division = { uses: this.#uses, nodes: count, alone: [...cuts, ...alone].sort((a, b) => a.from - b.from) };
    const steps = weightSteps(plan, ringMode, division);
    this.#check(steps);
    return steps.map(({ from, to, slices }) => {
      const lookups = this.#lookups.filter(({ node }) => from <= node && node < to);
      return {
        from,
        to,
        share: to / count,
        graph: this.graph.nodes.slice(from, to),
        allThreads: nodes.includes(from),
        needs: [...weightNeeds(plan, pager, slices), ...lookups.map(({ need }) => need)],
        writes: [],
      };
    });
  }

  /** Throws GRAPH_FAILED where a graph reads what streams in another order than the plan's. */
  #check(steps: readonly StepNodes[]): void {
    const { placements, slices } = this.#parts.plan;
    for (const { slice, node } of this.graph.uses) {
      if (at(placements, slice).kind !== 'ring') continue;
      const step = steps.find(({ from, to }) => from <= node && node < to);
      if (step?.slices.includes(slice)) continue;
      const { name } = at(slices, slice).weight;
      throw new EngineError('GRAPH_FAILED', { file: this.#parts.file, reason: `${name} is read out of order` });
    }
  }

  [Symbol.dispose](): void {
    this.graph[Symbol.dispose]();
  }
}
