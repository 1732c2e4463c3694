import { at } from '../base/at.ts';
import { EngineError } from '../base/errors.ts';
import type { Need } from '../pager/block.ts';
import type { Pager } from '../pager/pager.ts';
import type { Plan } from '../plan/plan.ts';
import type { StepNodes, StreamedUse } from '../plan/steps.ts';
import type { LlamaGraph, Lookup } from './llama-graph.ts';
import type { Program, Step } from './program.ts';
import { awaitedUses, weightNeeds, weightSteps } from './weight-steps.ts';

export interface LlamaStepsParts {
  /** The path of the model's file, for errors. */
  readonly file: string;
  readonly plan: Plan;
  readonly pager: Pager;
  readonly weights: Program['weights'];
  /** The need of rows that are looked up. */
  readonly rowsOf: (lookup: Lookup) => Need;
}

/** The steps of a graph, each without its share of the pass. */
export type GraphSteps = readonly Omit<Step, 'share'>[];

/** A graph of libllama's, cut into steps. */
export class LlamaSteps implements Disposable {
  readonly graph: LlamaGraph;
  readonly weights: Program['weights'];
  readonly #parts: LlamaStepsParts;
  readonly #uses: readonly StreamedUse[];
  readonly #lookups: readonly (Lookup & { readonly need: Need })[];
  readonly #divided = new Map<boolean, GraphSteps>();

  constructor(graph: LlamaGraph, parts: LlamaStepsParts) {
    this.graph = graph;
    this.weights = parts.weights;
    this.#parts = parts;
    this.#uses = awaitedUses(parts.plan, graph.uses, parts.weights);
    this.#lookups = graph.lookups.map((lookup) => ({ ...lookup, need: parts.rowsOf(lookup) }));
  }

  /** The steps; `isolated` if fewer threads than all compute those that do not need all. */
  steps(isolated: boolean): GraphSteps {
    const steps = this.#divided.get(isolated) ?? this.#divide(isolated ? this.graph.threadBound : []);
    this.#divided.set(isolated, steps);
    return steps;
  }

  /** The steps; those of `nodes` are computed alone. */
  #divide(nodes: readonly number[]): GraphSteps {
    const { plan, pager, weights } = this.#parts;
    // The numbers of their rows are known once the nodes before have been computed.
    const late = this.#lookups.filter(({ computed }) => computed).map(({ node }) => node);
    const alone = [...new Set([...nodes, ...late])].sort((a, b) => a - b).map((node) => ({ from: node, to: node + 1 }));
    const division = { uses: this.#uses, nodes: this.graph.nodes.nodes, alone };
    const steps = weightSteps(plan, weights, division);
    this.#check(steps);
    return steps.map(({ from, to, slices }) => {
      const lookups = this.#lookups.filter(({ node }) => from <= node && node < to);
      return {
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
