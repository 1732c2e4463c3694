import type { Stage, Weights } from '../arch/architecture.ts';
import { at } from '../base/at.ts';
import { Graph, type Tensor } from '../ggml/graph.ts';
import type { GraphOutput } from '../ggml/graph-output.ts';
import type { Memory } from '../ggml/memory.ts';
import type { Weight } from '../gguf/weight.ts';
import type { Need } from '../pager/block.ts';
import type { Pager } from '../pager/pager.ts';
import type { Rows } from '../pager/rows.ts';
import type { Plan } from '../plan/plan.ts';
import type { RingMode } from '../plan/ring-modes.ts';
import { withoutLast } from '../plan/ring-segments.ts';
import { unpackingNodes } from './attention.ts';
import { BatchInputs } from './batch.ts';
import type { BoundWeights } from './bind-weights.ts';
import { writeInputs } from './inputs.ts';
import { KvPages } from './kv-pages.ts';
import type { Program, Step } from './program.ts';
import type { Span, SpanShape } from './span.ts';
import { awaitedUses, unreadAtEnd, weightNeeds, weightSteps } from './weight-steps.ts';

/** Builds stages into `graph`. Returns the inputs, and the last one's result (elements, outputs). */
export function build(
  graph: Graph,
  stages: readonly Stage[],
  model: { weights: Weights; file: ReadonlyMap<string, Weight> },
  spans: readonly SpanShape[],
  pages?: KvPages,
): { inputs: BatchInputs; result: Tensor } {
  const inputs = new BatchInputs(graph, model.file, spans, pages);
  const context = { graph, weights: model.weights, batch: inputs };
  const result = stages.reduce((x, stage) => stage.build(context, x), inputs.positions);
  return { inputs, result: graph.output(result) };
}

/** Nodes that a graph for these spans has room for: one takes 100 layers of 120, each further one 51 a layer at most. */
export const graphCapacity = (spans: readonly SpanShape[]): number =>
  spans.reduce((sum, span, i) => sum + (i > 0 ? 5120 : 20480) + unpackingNodes(span), 0);

/** The parts that a program is made of. */
export interface OwnProgramParts {
  readonly stages: readonly Stage[];
  readonly plan: Plan;
  readonly file: ReadonlyMap<string, Weight>;
  readonly weights: BoundWeights;
  readonly pager: Pager;
  /** The ring for keys and values that live on the SSD. */
  readonly kvRingMemory: Memory;
}

/** A graph of a family that has stages of its own, cut into steps. */
export class OwnProgram implements Program, Disposable {
  readonly graph: Graph;
  readonly shapes: readonly SpanShape[];
  readonly ringMode: RingMode;
  readonly reads: Program['reads'];
  readonly output: GraphOutput;
  readonly result: Tensor;
  readonly #parts: OwnProgramParts;
  readonly #inputs: BatchInputs;
  readonly #pages: KvPages | undefined;
  /** The embedding's rows, which the first step needs. */
  readonly #embedding: readonly Need[];
  #tokens: readonly number[] = [];
  readonly #steps = new Map<boolean, readonly Step[]>();

  /** Builds the graph and cuts it. Throws UNSUPPORTED_MODEL, OUT_OF_MEMORY. */
  constructor(
    parts: OwnProgramParts,
    how: {
      readonly shapes: readonly SpanShape[];
      readonly ringMode: RingMode;
      readonly output: GraphOutput;
      readonly rowsOf: (weight: Weight) => Rows;
    },
  ) {
    const { shapes, ringMode, output, rowsOf } = how;
    const { plan, file, weights, pager } = parts;
    // The head is the last one.
    const stages = output === 'logits' ? parts.stages : parts.stages.slice(0, -1);
    this.#parts = parts;
    this.shapes = shapes;
    this.ringMode = ringMode;
    this.output = output;
    const ringWeights = weights[ringMode] ?? weights.plain;
    this.graph = new Graph(graphCapacity(shapes));
    const onSsd = shapes.some(({ kv }) => kv.layers.some((layer) => layer.parts.home === 'ssd'));
    this.#pages = onSsd ? new KvPages(shapes, parts.kvRingMemory) : undefined;
    const { inputs, result } = build(this.graph, stages, { weights: ringWeights.weights, file }, shapes, this.#pages);
    this.#inputs = inputs;
    this.result = result;
    const { embedding } = inputs;
    this.#embedding = embedding
      ? [{ home: rowsOf(embedding.weight).into(embedding.rows), blocks: () => this.#tokens }]
      : [];
    const read = new Set(this.graph.uses.map(({ slice }) => slice));
    this.reads = new Map([
      [pager.weightRing, withoutLast(ringWeights.blocks, unreadAtEnd(plan, read))],
      ...(this.#pages ? [[pager.kvRing, this.#pages.blocks] as const] : []),
    ]);
  }

  begin(spans: readonly Span[]): void {
    this.#tokens = spans.flatMap(({ tokens }) => tokens);
    this.#pages?.begin(spans);
    writeInputs(this.#inputs, spans);
  }

  end(spans: readonly Span[]): void {
    for (const [i, { start, tokens }] of spans.entries()) at(this.shapes, i).kv.commitSinkShifts(start, tokens.length);
  }

  fail(): void {
    for (const { kv } of this.shapes) kv.replaced();
  }

  steps(isolated: boolean): readonly Step[] {
    const steps = this.#steps.get(isolated) ?? this.#divided(isolated ? this.graph.threadBound : []);
    this.#steps.set(isolated, steps);
    return steps;
  }

  /** The steps; those of `nodes`, and the layers on the SSD, are computed alone. */
  #divided(nodes: readonly number[]): readonly Step[] {
    const { plan, pager } = this.#parts;
    const uses = awaitedUses(plan, this.graph.uses, this.ringMode);
    const layers = this.#pages?.layers ?? [];
    const others = nodes.filter((node) => !layers.some(({ from, to }) => from <= node && node < to));
    const alone = [...layers, ...others.map((node) => ({ from: node, to: node + 1 }))].sort((a, b) => a.from - b.from);
    const steps = weightSteps(plan, this.ringMode, { uses, nodes: this.graph.nodes, alone });
    return steps.map((step, i, { length }) => {
      const layer = layers.find(({ from }) => from === step.from);
      const writes = layer ? [{ home: pager.kvRing, blocks: layer.blocks }] : [];
      return {
        graph: this.graph.slice(step.from, step.to),
        allThreads: alone.some(({ from }) => from === step.from),
        needs: [...weightNeeds(plan, pager, step.slices), ...(step.from === 0 ? this.#embedding : []), ...writes],
        writes,
        share: (i + 1) / length,
      };
    });
  }

  [Symbol.dispose](): void {
    this.graph[Symbol.dispose]();
    this.#pages?.[Symbol.dispose]();
  }
}
