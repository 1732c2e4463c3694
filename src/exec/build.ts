import type { Stage, Weights } from '../arch/architecture.ts';
import type { Graph, Tensor } from '../ggml/graph.ts';
import type { Weight } from '../gguf/weight.ts';
import { unpackingNodes } from './attention.ts';
import { BatchInputs } from './batch.ts';
import type { KvPages } from './kv-pages.ts';
import type { SpanShape } from './span.ts';

/** Builds all stages into `graph`. Returns the inputs, and the logits (vocabulary, outputs). */
export function build(
  graph: Graph,
  stages: readonly Stage[],
  model: { weights: Weights; file: ReadonlyMap<string, Weight> },
  spans: readonly SpanShape[],
  pages?: KvPages,
): { inputs: BatchInputs; logits: Tensor } {
  const inputs = new BatchInputs(graph, model.file, spans, pages);
  const context = { graph, weights: model.weights, batch: inputs };
  const logits = stages.reduce((x, stage) => stage.build(context, x), inputs.positions);
  return { inputs, logits: graph.output(logits) };
}

/** Nodes that a graph for these spans has room for: one takes 100 layers of 120, each further one 51 a layer at most. */
export const graphCapacity = (spans: readonly SpanShape[]): number =>
  spans.reduce((sum, span, i) => sum + (i > 0 ? 5120 : 20480) + unpackingNodes(span), 0);
