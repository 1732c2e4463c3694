import { at } from '../base/at.ts';
import type { NodeRange } from '../plan/steps.ts';
import type { RoutedGraph } from './expert-steps.ts';
import type { Step } from './program.ts';

/** Nodes [from, to) of a graph as a step, unless experts are routed there. */
export interface GraphStep extends Step, NodeRange {}

/**
 * The steps of a graph in which experts are routed: groups of nodes, each of which is asked for when the steps before have
 * been computed, cut where `steps` end. A group may begin within a step, with another round of the products that the step
 * begins with; weights that the step's other nodes wait for come with these. The tokens belong to `texts`.
 */
export function* routedSteps(
  graph: Pick<RoutedGraph, 'nodes' | 'groups' | 'graphOf'>,
  steps: readonly GraphStep[],
  texts: number,
): Generator<Step, void> {
  const { nodes } = graph;
  let next = 0;
  for (const group of graph.groups(texts)) {
    for (let from = 0; from < group.length; ) {
      while (at(steps, next).to <= at(group, from).index) next += 1;
      const step = at(steps, next);
      let to = from;
      while (to < group.length && at(group, to).index < step.to) to += 1;
      const part = group.slice(from, to);
      const own = part.filter(({ node, index }) => node === nodes[index]);
      const experts = part.flatMap(({ needs }) => needs);
      const isWhole = own.length === step.to - step.from;
      yield {
        ...step,
        graph: isWhole ? step.graph : graph.graphOf(part.map(({ node }) => node)),
        needs: own.length > 0 ? [...step.needs, ...experts] : experts,
        share: (at(part, part.length - 1).index + 1) / nodes.length,
      };
      from = to;
    }
  }
}
