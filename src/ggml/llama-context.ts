import { at, last } from '../base/at.ts';
import { alignUp } from '../base/bytes.ts';
import { Disposer } from '../base/disposer.ts';
import { EngineError } from '../base/errors.ts';
import { type BufferMemory, withBufferMemory } from './buffer-memory.ts';
import { Callback } from './callback.ts';
import { embeddingsIn, type GraphOutput, placesWithoutHead } from './graph-output.ts';
import type { Pointer } from './library.ts';
import { BatchArrays, type LlamaSpan } from './llama-batch.ts';
import { callbacks, type LlamaGraphApi, loadLlamaGraphs, partialState } from './llama-graph-api.ts';
import type { LlamaModel } from './llama-model.ts';
import { addSizes, type LlamaSizes } from './llama-sizes.ts';
import { lastLog, listening } from './log.ts';
import { flagsOf, markOf, setFlags, setMark, tensorFlags, tensorName, tensorShape } from './tensor-fields.ts';

/**
 * The graph of a batch, whose inputs have their values. It is valid until the next one is collected, which may be the same
 * one with other values.
 */
export interface CollectedGraph {
  /** Nodes in the order in which they have to be computed, with the flags that libllama gives them. */
  readonly nodes: readonly Pointer[];
  readonly flags: readonly number[];
  /**
   * Logits (vocabulary, outputs) or embeddings (width, outputs), in the order of the batch; a few architectures compute those
   * of all tokens.
   */
  readonly result: Pointer;
}

export interface LlamaContextOptions {
  /** Tokens that all sequences together may keep. */
  readonly cells: number;
  /** Sequences, numbered from 0. */
  readonly sequences: number;
  /** Tokens of a batch at most, and outputs of one. */
  readonly batch: number;
  readonly outputs: number;
  /** Type of keys and values: a number of `ggmlTypes`. */
  readonly kvType: number;
  /** Makes embeddings of whole texts, pooled in this way: nothing is kept of them. Default: takes texts on. */
  readonly pooling?: WholePooling | undefined;
  /** Memory of what is kept of texts; default: it is there, and filled. A model that is only measured has none. */
  readonly memory?: BufferMemory | undefined;
  /** Changes to the rotation that the metadata describe. */
  readonly rope?: LlamaRope | undefined;
  /** Scales of the model's adapters, in their order; default: 1. With 0, an adapter is left out. */
  readonly scales?: readonly number[] | undefined;
}

/** Positions of tokens, from `start` up to `end`. */
export interface Positions {
  readonly start: number;
  readonly end: number;
}

/** Libllama's ways of pooling. */
export type WholePooling = keyof typeof poolings;
const poolings = { mean: 1, first: 2, last: 3, rank: 4 } as const;

/** A rotation: factor by which the context is stretched, base of the frequencies, and the way of stretching. */
export interface LlamaRope {
  readonly scale?: number | undefined;
  readonly base?: number | undefined;
  readonly scaling?: 'none' | 'linear' | 'yarn' | undefined;
}

/** Libllama's numbers for ways of stretching; -1 is as the metadata say. */
const scalings = { none: 0, linear: 1, yarn: 2, said: -1 } as const;

/** A mark on the nodes of a graph that was collected. */
const metBefore = 0x5eed;

/** A graph that libllama has built, as it is computed for each output that it has. */
type BuiltGraph = Readonly<Partial<Record<GraphOutput, CollectedGraph>>>;

/** The graph of nodes that libllama has built; `whole` is one of whole texts, which are pooled. */
function newGraph(met: readonly { readonly node: Pointer; readonly flags: number }[], whole: boolean): BuiltGraph {
  for (const { node } of met) setMark(node, metBefore);
  const nodes = met.map(({ node }) => node);
  const flags = met.map(({ flags }) => flags);
  if (whole) {
    const pooled = nodes.findLast((node) => tensorName(node) === 'result_embd_pooled');
    return pooled === undefined ? {} : { embeddings: { nodes, flags, result: pooled } };
  }
  // Some architectures leave the name out.
  const logits = nodes.findLast((node) => tensorName(node) === 'result_output') ?? last(nodes);
  const all = { nodes, flags, result: logits };
  const embeddings = embeddingsIn(nodes, logits);
  if (embeddings === undefined) return { logits: all };
  const places = placesWithoutHead(nodes, embeddings);
  const pick = <T>(list: readonly T[]): readonly T[] => places.map((place) => at(list, place));
  return { logits: all, embeddings: { nodes: pick(nodes), flags: pick(flags), result: embeddings } };
}

/**
 * Sequences of a model, and libllama's memory of them. It builds graphs and computes nothing: callers compute the nodes
 * before they ask for the next graph.
 */
export class LlamaContext implements Disposable {
  readonly sizes: LlamaSizes;
  readonly options: LlamaContextOptions;
  readonly #api: LlamaGraphApi = loadLlamaGraphs();
  readonly #model: LlamaModel;
  readonly #owner: Disposer = new Disposer();
  readonly #context: Pointer;
  /** Undefined where nothing is kept. */
  readonly #memory: Pointer | undefined;
  /** Elements of the largest column of a result: the vocabulary, or the width. */
  readonly largestOutput: number;
  /** Tokens that logits are of. */
  readonly #vocabulary: number;
  readonly #batch: BatchArrays;
  /** The last graph: libllama goes on with it for batches of equal shape, and so may callers. */
  #graph: BuiltGraph | undefined;
  /** Nodes that were met since, in order, with their flags. */
  #met: { readonly node: Pointer; readonly flags: number; readonly known: boolean }[] = [];

  /** A context of empty sequences. Throws GRAPH_FAILED. */
  constructor(model: LlamaModel, options: LlamaContextOptions) {
    this.#model = model;
    this.options = options;
    const collect = this.#owner.use(new Callback(callbacks.evaluate, (node, ask) => this.#take(node, ask)));
    this.#batch = this.#owner.use(new BatchArrays(options));
    const { sequences, kvType, rope, pooling } = options;
    // Libllama ends the process where a mean is of whole texts and their sequences do not divide the batch.
    const batch = pooling ? alignUp(options.batch, sequences) : options.batch;
    const params = {
      ...this.#api.llama_context_default_params(),
      n_ctx: pooling ? batch : options.cells,
      // A second part of a batch would overwrite the inputs of the first.
      n_batch: batch,
      n_ubatch: batch,
      n_seq_max: sequences,
      n_outputs_max: Math.max(pooling ? batch : options.outputs, sequences),
      embeddings: pooling !== undefined,
      pooling_type: pooling ? poolings[pooling] : 0,
      // Nothing is computed on them.
      n_threads: 1,
      n_threads_batch: 1,
      type_k: kvType,
      type_v: kvType,
      cb_eval: collect.address,
      op_offload: false,
      no_perf: true,
      swa_full: false,
      // Spans of different lengths are one batch.
      kv_unified: true,
      // 0 is as the metadata say.
      rope_freq_base: rope?.base ?? 0,
      rope_freq_scale: rope?.scale === undefined ? 0 : 1 / rope.scale,
      rope_scaling_type: scalings[rope?.scaling ?? 'said'],
    };
    const sizes = { state: 0, compute: 0, outputs: 0 };
    const make = () => this.#api.llama_init_from_model(model.pointer, params);
    // Whole texts have buffers for logits that nothing is written to.
    const memory = model.isMeasured ? 'none' : (options.memory ?? (pooling && 'untouched'));
    const context = listening(
      (line) => addSizes(line, sizes),
      () => (memory ? withBufferMemory(memory, make, model.device) : make()),
    );
    const kept = context && this.#api.llama_get_memory(context);
    if (!context || !(kept || pooling)) {
      const reason = context ? 'it does not predict the next token' : lastLog();
      if (context) this.#api.llama_free(context);
      this.#owner[Symbol.dispose]();
      throw new EngineError('GRAPH_FAILED', { file: model.file, reason });
    }
    this.sizes = sizes;
    this.#vocabulary = this.#api.llama_vocab_n_tokens(this.#api.llama_model_get_vocab(model.pointer));
    this.largestOutput = Math.max(this.#vocabulary, this.#api.llama_model_n_embd_out(model.pointer));
    this.#context = context;
    this.#memory = kept ?? undefined;
  }

  /**
   * The graph of a batch, one span after another in the order of their sequences; its tokens count as stored from now on.
   * The flags of its nodes are as libllama computes them. Throws GRAPH_FAILED; then nothing is stored.
   */
  collect(spans: readonly LlamaSpan[], output: GraphOutput = 'logits'): CollectedGraph {
    const wanted = spans.reduce((sum, { outputs }) => sum + outputs, 0);
    if (wanted > this.options.outputs)
      throw new RangeError(`${wanted} outputs of a batch, not ${this.options.outputs}`);
    this.#met = [];
    this.#setScales(spans[0]?.scales ?? this.options.scales);
    const status = this.#compute(spans);
    for (const { node, flags } of this.#met) setFlags(node, flags);
    const fresh = this.#met.filter(({ known }) => !known);
    if (status === 0 && fresh.length > 0) this.#graph = newGraph(fresh, this.options.pooling !== undefined);
    const graph = this.#graph?.[output];
    const [elements, outputs] = graph ? tensorShape(graph.result) : [];
    const tokens = spans.reduce((sum, span) => sum + span.tokens.length, 0);
    // A batch in several parts would have the logits and the inputs of the last one only.
    const complete = outputs === wanted || outputs === tokens;
    const isKnown = output === 'embeddings' || elements === this.#vocabulary;
    if (status === 0 && graph && isKnown && complete) return graph;
    this.#graph = undefined;
    if (this.options.pooling) this.reset();
    else for (const { sequence, start } of spans) if (!this.remove(sequence, start)) this.remove(sequence, 0);
    let reason = `${lastLog()}, status ${status}`;
    if (status === 0 && !graph) reason = `its graph has no ${output}`;
    else if (status === 0)
      reason = complete ? 'it does not predict the next token' : `${outputs} outputs instead of ${wanted}`;
    throw new EngineError('GRAPH_FAILED', { file: this.#model.file, reason });
  }

  /** Has graphs apply the model's adapters, each with its scale: with other ones they are other graphs. */
  #setScales(scales: readonly number[] = this.#model.adapters.map(() => 1)): void {
    const { adapters } = this.#model;
    if (adapters.length !== scales.length)
      throw new RangeError(`${scales.length} scales of ${adapters.length} adapters`);
    if (adapters.length === 0) return;
    const pointers = BigUint64Array.from(adapters);
    this.#api.llama_set_adapters_lora(this.#context, pointers, pointers.length, Float32Array.from(scales));
  }

  /** Has libllama build the graph of a batch. Returns its status. */
  #compute(spans: readonly LlamaSpan[]): number {
    const batch = this.#batch.fill(spans);
    if (!this.options.pooling) return this.#api.llama_decode(this.#context, batch);
    // Some keep something of the texts before.
    this.reset();
    const encodes = this.#api.llama_model_has_encoder(this.#model.pointer);
    const compute = encodes ? this.#api.llama_encode : this.#api.llama_decode;
    const made = (): number => compute(this.#context, batch);
    return this.#model.isMeasured ? made() : withBufferMemory('untouched', made);
  }

  /** Forgets all but the first `length` tokens of a sequence. Returns false, and changes nothing, where that cannot be. */
  remove(sequence: number, length: number): boolean {
    return this.#memory !== undefined && this.#api.llama_memory_seq_rm(this.#memory, sequence, length, -1);
  }

  /**
   * Makes the tokens of the sequence `from`, or those at the positions from `start` up to `end`, tokens of `to`, too. No
   * bytes are copied.
   */
  copy(from: number, to: number, { start, end }: Positions = { start: -1, end: -1 }): void {
    if (this.#memory !== undefined) this.#api.llama_memory_seq_cp(this.#memory, from, to, start, end);
  }

  /** Forgets all sequences. */
  reset(): void {
    if (this.#memory !== undefined) this.#api.llama_memory_clear(this.#memory, false);
  }

  /** The positions of the first and last token that all layers keep of a sequence; undefined if it is empty. */
  keptOf(sequence: number): { readonly first: number; readonly last: number } | undefined {
    if (this.#memory === undefined) return undefined;
    const first = this.#api.llama_memory_seq_pos_min(this.#memory, sequence);
    const last = this.#api.llama_memory_seq_pos_max(this.#memory, sequence);
    return last < 0 ? undefined : { first, last };
  }

  /** Bytes of a sequence's state; `partial` leaves out what can be cut anywhere. */
  stateBytes(sequence: number, { partial = false }: { readonly partial?: boolean } = {}): number {
    return this.#api.llama_state_seq_get_size_ext(this.#context, sequence, partial ? partialState : 0);
  }

  /** Copies a sequence's state to `bytes`, which are as many as it has. Throws GRAPH_FAILED. */
  saveState(sequence: number, bytes: Uint8Array, { partial = false }: { readonly partial?: boolean } = {}): void {
    const flags = partial ? partialState : 0;
    const copied = this.#api.llama_state_seq_get_data_ext(this.#context, bytes, bytes.length, sequence, flags);
    if (copied !== bytes.length) this.#failState();
  }

  /** Puts back a state that was saved, of this or another sequence. Throws GRAPH_FAILED. */
  loadState(sequence: number, bytes: Uint8Array, { partial = false }: { readonly partial?: boolean } = {}): void {
    const flags = partial ? partialState : 0;
    const copied = this.#api.llama_state_seq_set_data_ext(this.#context, bytes, bytes.length, sequence, flags);
    if (copied !== bytes.length) this.#failState();
  }

  #failState(): never {
    throw new EngineError('GRAPH_FAILED', { file: this.#model.file, reason: lastLog() });
  }

  /**
   * Hears of each node that is about to be computed, and keeps it from that. Returns true at a node of a graph that is
   * known, to have it computed at once and be asked about it without `ask`: then false passes over the others.
   */
  #take(node: Pointer, ask: boolean): boolean {
    if (!ask) return false;
    const [flags, known] = [flagsOf(node), markOf(node) === metBefore];
    setFlags(node, flags & ~tensorFlags.compute);
    this.#met.push({ node, flags, known });
    return known;
  }

  [Symbol.dispose](): void {
    this.#api.llama_free(this.#context);
    this.#owner[Symbol.dispose]();
  }
}
