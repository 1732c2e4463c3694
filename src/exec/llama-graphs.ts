import { at } from '../base/at.ts';
import { Disposer } from '../base/disposer.ts';
import { EngineError } from '../base/errors.ts';
import { CpuDevice } from '../ggml/cpu-device.ts';
import { readTensor, writeTensor } from '../ggml/data.ts';
import type { Device } from '../ggml/device.ts';
import { F32, type SliceTensor, type Tensor } from '../ggml/graph.ts';
import type { GraphOutput } from '../ggml/graph-output.ts';
import { hideInAllRows } from '../ggml/hidden-tokens.ts';
import type { Pointer } from '../ggml/library.ts';
import type { LlamaSpan } from '../ggml/llama-batch.ts';
import type { CollectedGraph, LlamaContext } from '../ggml/llama-context.ts';
import type { LlamaModel } from '../ggml/llama-model.ts';
import { checkGraphs } from '../ggml/llama-self-check.ts';
import { placeAt, tensorShape } from '../ggml/tensor-fields.ts';
import { TensorSet } from '../ggml/tensor-set.ts';
import type { Weight } from '../gguf/weight.ts';
import type { Need } from '../pager/block.ts';
import type { Pager } from '../pager/pager.ts';
import type { Reader } from '../pager/reader.ts';
import { Rows } from '../pager/rows.ts';
import type { Plan } from '../plan/plan.ts';
import type { RingMode } from '../plan/ring-modes.ts';
import { withoutLast } from '../plan/ring-segments.ts';
import { LlamaSequence } from '../state/llama-sequence.ts';
import { LlamaStates } from '../state/llama-states.ts';
import type { SequenceState } from '../state/sequence-state.ts';
import { WholeText } from '../state/whole-text.ts';
import type { BoundWeights, RingWeights } from './bind-weights.ts';
import { refuseNodes, unsupportedNodes } from './check-nodes.ts';
import type { ExpertSteps } from './expert-steps.ts';
import { type GraphWeights, LlamaGraph, type Lookup } from './llama-graph.ts';
import { LlamaProgram } from './llama-program.ts';
import { LlamaScratch } from './llama-scratch.ts';
import { LlamaSteps } from './llama-steps.ts';
import { type WeightRead, weightReads } from './llama-weights.ts';
import { type GraphSource, type Program, worthConverting } from './program.ts';
import type { Span } from './span.ts';
import { groupSpans } from './span-groups.ts';
import { moveStates } from './state-moves.ts';
import { unreadAtEnd } from './weight-steps.ts';

export interface LlamaGraphsParts {
  readonly device: Device;
  readonly model: LlamaModel;
  readonly context: LlamaContext;
  readonly plan: Plan;
  readonly file: ReadonlyMap<string, Weight>;
  readonly weights: BoundWeights;
  readonly reader: Reader;
  readonly pager: Pager;
  /** Names of the weights that only logits need. */
  readonly head: ReadonlySet<string>;
  /** True if the device computes one text at a time. */
  readonly apart: boolean;
  /** Experts in slots, if the plan has some. */
  readonly experts: ExpertSteps | undefined;
}

/** A mode of the ring, and the weights of passes in it. */
interface RingUse {
  readonly ringMode: RingMode;
  readonly ringWeights: RingWeights;
}

/** The graphs that libllama builds, computed on the weights of a plan. */
export class LlamaGraphs implements GraphSource {
  readonly evenSpans: boolean;
  readonly #parts: LlamaGraphsParts;
  readonly #owner: Disposer = new Disposer();
  readonly #scratch: LlamaScratch;
  /** Undefined where texts are computed whole. */
  readonly #states: LlamaStates | undefined;
  /** The slices of each weight. */
  readonly #slices: ReadonlyMap<string, readonly number[]>;
  readonly #rows: Map<string, Rows> = new Map();
  #last: LlamaSteps | undefined;
  #lastOutput: GraphOutput = 'logits';
  /** Results of passes in several groups. */
  #gathered: Pointer | undefined;
  /** The number of streamed slices at the end that only logits need. */
  readonly #headSlices: number;

  /** Throws LIBRARY_DIFFERS, OUT_OF_MEMORY. */
  constructor(parts: LlamaGraphsParts) {
    using cpu = new CpuDevice(1);
    checkGraphs(cpu);
    this.#parts = parts;
    const { model, plan, weights, context } = parts;
    this.evenSpans = model.memory !== 'attention';
    const slices = new Map<string, number[]>();
    for (const { id, weight } of plan.slices) slices.set(weight.name, [...(slices.get(weight.name) ?? []), id]);
    this.#slices = slices;
    const read = plan.streamed.filter((id) => !parts.head.has(at(plan.slices, id).weight.name));
    this.#headSlices = unreadAtEnd(plan, new Set(read));
    const { batch } = context.options;
    this.#scratch = this.#owner.use(new LlamaScratch(parts.device, { slices: plan.slices, file: parts.file, batch }));
    for (const [tensor, name] of model.tensors) {
      const [id, ...others] = slices.get(name) ?? [];
      if (id === undefined || others.length > 0) continue;
      if (at(plan.placements, id).kind === 'resident') placeAt(tensor, at(weights.tensors, id).pointer);
    }
    // It has libllama build graphs, which it may use again: views of weights in them are where the weights are by now.
    this.#states = context.options.pooling ? undefined : new LlamaStates(context, model, plan.context);
  }

  newState(): SequenceState {
    const states = this.#states;
    return states ? new LlamaSequence(states, states.nextSequence()) : new WholeText(this.#parts.plan.context);
  }

  compile(spans: readonly Span[], output: GraphOutput): Program {
    const { model, pager, weights, apart } = this.#parts;
    const own = spans.map(({ state, start, tokens, logits }, i): LlamaSpan => {
      const sequence = this.#states ? LlamaSequence.of(state).sequence : i;
      return { sequence, start, tokens, outputs: logits === 'all' ? tokens.length : 1, scales: state.scales };
    });
    const ringMode = this.#ringModeFor(spans.reduce((n, { tokens }) => n + tokens.length, 0));
    const isOther = this.#last?.ringMode !== ringMode || this.#lastOutput !== output;
    if (this.#last && isOther) this.#forget({ undo: true });
    this.#lastOutput = output;
    const ringWeights = weights[ringMode] ?? weights.plain;
    const blocks = output === 'logits' ? ringWeights.blocks : withoutLast(ringWeights.blocks, this.#headSlices);
    return new LlamaProgram({
      ringMode,
      reads: new Map([[pager.weightRing, blocks]]),
      groups: groupSpans(own, { memory: model.memory, batchesApart: apart || model.batchesApart }).map((indices) => ({
        indices,
        spans: indices.map((i) => at(own, i)),
      })),
      compile: (group) => this.#compile(group, output, { ringMode, ringWeights }),
      abandon: ({ graph: { nodes } }, share) => {
        moveStates(nodes.list().slice(Math.round(share * nodes.nodes)), this.#parts.device);
      },
      resultOf: ({ graph }) => this.#resultOf(graph, output),
      gather: (from, rows, count) => this.#gather(from, rows, count),
    });
  }

  #ringModeFor(tokens: number): RingMode {
    const { pager, weights } = this.#parts;
    if (!pager.residents.loaded) return 'loading';
    return weights.converting && worthConverting(tokens) ? 'converting' : 'plain';
  }

  #compile(spans: readonly LlamaSpan[], output: GraphOutput, ring: RingUse): LlamaSteps {
    const { device, context } = this.#parts;
    for (const { sequence, start } of this.#states ? spans : []) {
      const kept = context.keptOf(sequence);
      // Passes that are measured are computed again and again at one position, whatever their states become.
      if (kept && kept.last >= start && !context.remove(sequence, start)) context.remove(sequence, 0);
    }
    const source = context.collect(spans, output);
    if (this.#last?.graph.source === source) return this.#last;
    this.#forget({ undo: false });
    try {
      if (device.kind !== 'cpu') refuseNodes(device, unsupportedNodes(device, source.nodes));
      this.#last = this.#stepsOf(source, ring);
    } catch (error) {
      moveStates(source.nodes, device);
      throw error;
    }
    return this.#last;
  }

  #stepsOf(source: CollectedGraph, { ringMode, ringWeights }: RingUse): LlamaSteps {
    const { model, plan, pager, file, experts } = this.#parts;
    const reads = weightReads(source.nodes, model.tensors, file).map((read) => this.#asPlanned(read));
    const graph = new LlamaGraph(source, reads, this.#weightsOf(ringWeights));
    const rowsOf = (lookup: Lookup): Need => this.#needOf(lookup);
    return new LlamaSteps(graph, { file: model.file, plan, pager, ringMode, rowsOf, experts });
  }

  /** The read of a weight from its place in the plan. Throws GRAPH_FAILED if it cannot be read in this way there. */
  #asPlanned(read: WeightRead): WeightRead {
    const { model, plan } = this.#parts;
    const { name, role } = read;
    if (role === 'rows') return read;
    const [slice, ...others] = this.#slices.get(name) ?? [];
    const kind = slice === undefined ? undefined : at(plan.placements, slice).kind;
    // Experts that are all in one place are multiplied with there.
    if (role === 'experts' && kind) return kind === 'experts' ? read : { ...read, role: 'matrix' };
    const isMultiplied = role === 'matrix' && kind && kind !== 'experts';
    if (isMultiplied || (kind === 'resident' && others.length === 0)) return read;
    throw new EngineError('GRAPH_FAILED', { file: model.file, reason: `${name} is read as it was not planned` });
  }

  #weightsOf({ tensors }: RingWeights): GraphWeights {
    return {
      slicesOf: (name): readonly SliceTensor[] => (this.#slices.get(name) ?? []).map((id) => at(tensors, id)),
      scratch: this.#scratch,
      writesAnywhere: this.#parts.device.kind === 'cpu',
    };
  }

  #needOf({ weight, rows, ids, count }: Lookup): Need {
    const source = this.#parts.file.get(weight);
    if (!source) throw new RangeError(`there is no weight ${weight}`);
    const own = this.#rows.get(weight) ?? this.#owner.use(new Rows(this.#parts.reader, source));
    this.#rows.set(weight, own);
    const numbers = new Int32Array(count);
    return {
      home: own.into({ pointer: rows, shape: [at(source.shape, 0), count] }),
      blocks: () => {
        readTensor(ids, numbers);
        return [...numbers];
      },
    };
  }

  #resultOf({ source: { result } }: LlamaGraph, output: GraphOutput): Tensor {
    const tensor = { pointer: result, shape: tensorShape(result).slice(0, 2) };
    if (output === 'logits' && this.#parts.model.hidesInFirstRow) hideInAllRows(tensor);
    return tensor;
  }

  #gather(from: Tensor, rows: readonly (readonly [number, number])[], count: number): Tensor {
    const [elements, columns] = [at(from.shape, 0), at(from.shape, 1)];
    this.#gathered ??= this.#resultRows();
    const floats = new Float32Array(elements * columns);
    readTensor(from.pointer, floats);
    for (const [row, to] of rows) {
      writeTensor(this.#gathered, floats.subarray(row * elements, (row + 1) * elements), 4 * elements * to);
    }
    return { pointer: this.#gathered, shape: [elements, count] };
  }

  #resultRows(): Pointer {
    const { context, device } = this.#parts;
    const elements = context.largestOutput * context.options.outputs;
    const memory = this.#owner.use(device.memoryFor(4 * elements, 'results'));
    const tensor = this.#owner.use(new TensorSet(1)).add(F32, [elements]);
    memory.place(tensor, 0);
    return tensor;
  }

  #forget({ undo }: { readonly undo: boolean }): void {
    // Libllama has made another graph in the memory of one that is not undone.
    if (undo) this.#last?.graph.undo();
    this.#last?.[Symbol.dispose]();
    this.#last = undefined;
  }

  [Symbol.dispose](): void {
    this.#forget({ undo: false });
    this.#owner[Symbol.dispose]();
  }
}
