import type { Stage, Weights } from '../arch/architecture.ts';
import { at, last } from '../base/at.ts';
import { allSettled } from '../base/settled.ts';
import { GraphAllocator } from '../ggml/allocator.ts';
import { loadGgml } from '../ggml/api.ts';
import type { Device } from '../ggml/device.ts';
import { Graph, type Tensor } from '../ggml/graph.ts';
import type { HostMemory } from '../ggml/host-memory.ts';
import type { Pointer } from '../ggml/library.ts';
import { pageBytes } from '../ggml/system.ts';
import type { Weight } from '../gguf/weight.ts';
import type { Reader } from '../pager/reader.ts';
import type { Residents } from '../pager/residents.ts';
import { RowReader } from '../pager/row-reader.ts';
import type { WeightSource } from '../pager/weight-source.ts';
import type { Plan } from '../plan/plan.ts';
import { pageSpanOf } from '../plan/slices.ts';
import { divideIntoSteps, firstUses, type Step, type StepPart, splitStep } from '../plan/steps.ts';
import { unpackingNodes } from './attention.ts';
import { BatchInputs } from './batch.ts';
import { writeInputs } from './inputs.ts';
import type { Route, Routes } from './routes.ts';
import { type Span, type SpanShape, sameShapes, shapeOf } from './span.ts';
import { StagedPass } from './staged-pass.ts';
import { Staging } from './staging.ts';
import { ThreadTuner } from './thread-tuner.ts';

/** Builds all stages into `graph`. Returns the inputs, and the logits (vocabulary, outputs). */
export function build(
  graph: Graph,
  stages: readonly Stage[],
  model: { weights: Weights; file: ReadonlyMap<string, Weight> },
  spans: readonly SpanShape[],
  staging?: Staging,
): { inputs: BatchInputs; logits: Tensor } {
  const inputs = new BatchInputs(graph, model.file, spans, staging);
  const context = { graph, weights: model.weights, batch: inputs };
  const logits = stages.reduce((x, stage) => stage.build(context, x), inputs.positions);
  return { inputs, logits: graph.output(logits) };
}

/**
 * Nodes that a graph for these spans has room for: one span takes 100 layers of 120, each further one 51 a layer at
 * most.
 */
export const graphCapacity = (spans: readonly SpanShape[]): number =>
  spans.reduce((sum, span, i) => sum + (i > 0 ? 5120 : 20480) + unpackingNodes(span), 0);

/**
 * Whether so many tokens at once save more time by converting streamed weights than it takes. Measured: from 32 to 64
 * on.
 */
export const worthConverting = (tokens: number): boolean => tokens >= 64;

/** Bytes of a step in the first pass over a model that is resident as a whole, as it is in the file. */
const loadingStepBytes = 32 * 2 ** 20;

/** A graph with its memory, cut into steps. */
interface Compiled {
  readonly route: Route;
  readonly shapes: readonly SpanShape[];
  readonly graph: Graph;
  readonly inputs: BatchInputs;
  readonly logits: Tensor;
  readonly staging: Staging | undefined;
  readonly steps: readonly ComputedStep[];
  /** Chooses the threads for parts that any number of threads may compute; undefined if all threads do. */
  readonly choice: ThreadTuner | undefined;
}

interface ComputedStep extends Step {
  /** The slices of the step that stream, and the last of all its slices. */
  readonly streamed: readonly number[];
  readonly last: number;
  readonly whole: readonly ComputedPart[];
  /** Parts for fewer threads than all: nodes that depend on the number stand alone. */
  readonly parts: readonly ComputedPart[];
}

/** A part of a step; `staged` is the layer on the SSD that it is the first to need. */
type ComputedPart = StepPart & { readonly graph: Pointer; readonly staged: number | undefined };

export interface ForwardParts {
  readonly stages: readonly Stage[];
  readonly plan: Plan;
  readonly device: Device;
  readonly routes: Routes;
  readonly file: ReadonlyMap<string, Weight>;
  readonly residents: Residents;
  readonly source: WeightSource;
  readonly reader: Reader;
  /** Memory in which keys and values from the SSD are computed on, and their source. */
  readonly staged?: { readonly ring: HostMemory; readonly source: WeightSource } | undefined;
}

/** A step of a pass that has ended; times are milliseconds of `performance.now()`. */
export interface StepEvent {
  /** The first node of the step in its graph. */
  readonly node: number;
  /** The streamed slices that it waited for, by their place in the plan. */
  readonly slices: readonly number[];
  readonly requested: number;
  /** The time at which the slices were in place. */
  readonly begin: number;
  readonly end: number;
}

export interface PassOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called after each step with the share of the pass that is done. */
  readonly onStep?: ((share: number) => void) | undefined;
  /** Hears of every step. */
  readonly trace?: ((event: StepEvent) => void) | undefined;
  /** Computes on whatever lies in the ring and reads nothing: for measuring. The logits mean nothing. */
  readonly withoutReads?: boolean | undefined;
}

/** Residents that are loaded while a pass needs them; loading ends with the pass. */
class Loading implements AsyncDisposable {
  readonly #residents: Residents;
  readonly #end: AbortController = new AbortController();
  readonly #loaded: Promise<void>;

  constructor(residents: Residents) {
    this.#residents = residents;
    this.#loaded = residents.load({ streams: true, signal: this.#end.signal });
    // Waiters for a resident get the error.
    this.#loaded.catch(() => {});
  }

  /** Waits until the residents up to slice `id` are in place. Rejects with READ_FAILED, FILE_CHANGED. */
  async reached(id: number): Promise<void> {
    await Promise.race([this.#residents.reached(id), this.#loaded]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await this.#loaded.catch(() => {});
  }
}

/** Takes spans of tokens through the model: one pass over its weights, resident or streamed. */
export class Forward implements Disposable {
  /** Seconds of computing so far. */
  computeSeconds = 0;
  readonly #parts: ForwardParts;
  readonly #allocator: GraphAllocator = new GraphAllocator();
  /** Choices by the number of tokens in a pass. */
  readonly #choices = new Map<number, ThreadTuner>();
  #compiled: Compiled | undefined;
  #rows: RowReader | undefined;
  #logits: Float32Array = new Float32Array();

  constructor(parts: ForwardParts) {
    this.#parts = parts;
  }

  /**
   * The logits asked for, (vocabulary, outputs) float32, in the order of the spans: valid until the next run. A signal
   * ends the pass between two steps. Rejects with READ_FAILED, FILE_CHANGED, WRITE_FAILED, COMPUTE_FAILED, or the
   * signal's reason.
   */
  async run(spans: readonly Span[], { signal, onStep, trace, withoutReads }: PassOptions = {}): Promise<Float32Array> {
    const { source, device, residents } = this.#parts;
    const { route, inputs, logits, staging, steps, choice } = this.#compile(spans);
    const used = process.cpuUsage();
    let [compute, stall] = [0, 0];
    await source.setReads(route.slices);
    await using loading = residents.loaded ? undefined : new Loading(residents);
    const threads = loading ? Math.max(1, device.threads - 1) : (!withoutReads && choice?.threads) || device.threads;
    writeInputs(inputs, spans);
    await this.#embed(inputs, spans);
    const stagedSource = withoutReads ? undefined : this.#parts.staged?.source;
    const staged = staging && stagedSource && (await StagedPass.begin(staging, stagedSource, spans));
    try {
      for (const [i, step] of steps.entries()) {
        signal?.throwIfAborted();
        const requested = performance.now();
        using _lease = await source.lease(withoutReads ? 0 : step.streamed.length);
        await loading?.reached(step.last);
        const begin = performance.now();
        await route.prepare(step.streamed);
        let waited = 0;
        for (const part of threads === device.threads ? step.whole : step.parts) {
          if (staged && part.staged !== undefined) waited += await elapsed(staged.enter(part.staged));
          await device.compute(part.graph, part.alone ? device.threads : threads);
        }
        const end = performance.now();
        stall += (begin - requested) / 1000 + waited;
        compute += (end - begin) / 1000 - waited;
        trace?.({ node: step.from, slices: step.streamed, requested, begin, end });
        onStep?.((i + 1) / steps.length);
      }
      await staged?.end();
      for (const { kv, start, tokens: own } of spans) kv.commitSinkShifts(start, own.length);
    } catch (error) {
      for (const { kv } of spans) kv.invalidateSinks();
      // The next pass begins with the first weights, however far this one came.
      await allSettled([source.restart(), staged?.abandon() ?? Promise.resolve()]);
      throw error;
    }
    this.computeSeconds += compute;
    const { user, system } = process.cpuUsage(used);
    if (!withoutReads && !loading) choice?.record({ compute, stall, cpu: (user + system) / 1e6 });
    const result = this.#logitsOf(at(logits.shape, 0) * inputs.outputCount);
    loadGgml().ggml_backend_tensor_get(logits.pointer, result, 0, result.byteLength);
    return result;
  }

  [Symbol.dispose](): void {
    this.#forget();
    this.#allocator[Symbol.dispose]();
    this.#rows?.[Symbol.dispose]();
  }

  /** One array serves all passes: garbage of this size would pile up before it is collected. */
  #logitsOf(length: number): Float32Array {
    if (this.#logits.length < length) this.#logits = new Float32Array(length);
    return this.#logits.subarray(0, length);
  }

  /** The graph for these spans: the last one if it fits, else a new one in its place. */
  #compile(spans: readonly Span[]): Compiled {
    const shapes = spans.map(shapeOf);
    const tokens = shapes.reduce((n, shape) => n + shape.tokens, 0);
    const route = this.#routeFor(tokens);
    if (this.#compiled?.route === route && sameShapes(this.#compiled.shapes, shapes)) return this.#compiled;
    this.#forget();

    const { stages, routes, file, plan, staged } = this.#parts;
    const graph = new Graph(graphCapacity(shapes));
    const onSsd = shapes.some(({ kv }) => kv.layers.some(({ parts }) => parts.home === 'ssd'));
    const staging = onSsd && staged ? new Staging(shapes, staged.ring) : undefined;
    const { inputs, logits } = build(graph, stages, { weights: route.weights, file }, shapes, staging);
    this.#allocator.allocate(graph);
    const loading = route === routes.loading;
    const waitedFor = loading ? plan.slices.map(({ id }) => id) : plan.streamed;
    const uses = firstUses(graph.uses, waitedFor).map((use) => ({ ...use, bytes: this.#pageSpanBytes(use.slice) }));
    const choice = route === routes.plain ? this.#choiceFor(tokens) : undefined;
    const fewer = choice !== undefined || loading;
    const maxBytes = loading ? plan.stepBytes / 2 || loadingStepBytes : plan.stepBytes;
    const begins = new Map(staging?.layers.map(({ node }, index) => [node, index]));
    const compute = (parts: readonly StepPart[]): readonly ComputedPart[] =>
      parts.map((part) => ({ ...part, graph: graph.slice(part.from, part.to), staged: begins.get(part.from) }));
    const steps = divideIntoSteps(uses, graph.nodes, maxBytes).map((step) => ({
      ...step,
      streamed: step.slices.filter((id) => at(plan.placements, id).kind === 'ring'),
      last: step.slices.length > 0 ? last(step.slices) : -1,
      whole: compute(splitStep(step, [], [...begins.keys()])),
      parts: fewer ? compute(splitStep(step, graph.threadBound, [...begins.keys()])) : [],
    }));
    this.#compiled = { route, shapes, graph, inputs, logits, staging, steps, choice };
    return this.#compiled;
  }

  #forget(): void {
    this.#compiled?.graph[Symbol.dispose]();
    this.#compiled?.staging?.[Symbol.dispose]();
    this.#compiled = undefined;
  }

  #routeFor(tokens: number): Route {
    const { residents, routes } = this.#parts;
    if (!residents.loaded) return routes.loading;
    return (worthConverting(tokens) && routes.converting) || routes.plain;
  }

  #choiceFor(tokens: number): ThreadTuner {
    const choice = this.#choices.get(tokens) ?? new ThreadTuner(this.#parts.device.threads);
    this.#choices.set(tokens, choice);
    return choice;
  }

  /** Bytes of memory that a slice is read to: whole pages. */
  #pageSpanBytes(id: number): number {
    return pageSpanOf(at(this.#parts.plan.slices, id).extent, pageBytes).bytes;
  }

  async #embed({ embedding }: BatchInputs, spans: readonly Span[]): Promise<void> {
    if (!embedding) return;
    const tokens = spans.flatMap((span) => span.tokens);
    this.#rows ??= new RowReader(this.#parts.reader, embedding.weight);
    await this.#rows.read(tokens, (index, bytes) => {
      loadGgml().ggml_backend_tensor_set(embedding.rows.pointer, bytes, index * bytes.length, bytes.length);
    });
  }
}

/** Seconds that `work` takes. */
async function elapsed(work: Promise<void>): Promise<number> {
  const began = performance.now();
  await work;
  return (performance.now() - began) / 1000;
}
