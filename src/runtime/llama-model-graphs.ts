import type { ModelFacts } from '../arch/facts.ts';
import { isRotation, type RopeOptions } from '../arch/rope.ts';
import { at } from '../base/at.ts';
import type { Disposer } from '../base/disposer.ts';
import { EngineError } from '../base/errors.ts';
import { secondsBesideLlamaProducts } from '../exec/beside-products.ts';
import { bindWeights } from '../exec/bind-weights.ts';
import { refuseNodes } from '../exec/check-nodes.ts';
import { LlamaGraphs } from '../exec/llama-graphs.ts';
import { type GraphTraits, graphTraits, type LookedDevice } from '../exec/llama-measure.ts';
import { lookupBytes, productBytes } from '../exec/llama-scratch.ts';
import { choosingBytes, threadBytes } from '../exec/measure.ts';
import { openExperts } from '../exec/open-experts.ts';
import type { Device, GraphDevice } from '../ggml/device.ts';
import type { Pointer } from '../ggml/library.ts';
import { LlamaContext, type LlamaContextOptions, type WholePooling } from '../ggml/llama-context.ts';
import { LlamaModel } from '../ggml/llama-model.ts';
import { type LlamaSizes, sizesOfLonger } from '../ggml/llama-sizes.ts';
import { evictFile } from '../ggml/system.ts';
import type { ModelFile } from '../gguf/model-file.ts';
import { openUploads } from '../pager/open-uploads.ts';
import { Pager } from '../pager/pager.ts';
import { arenaBytes, Residents } from '../pager/residents.ts';
import { Ring } from '../pager/ring.ts';
import { rowsBytes } from '../pager/rows.ts';
import type { KvOptions, Window } from '../plan/kv-options.ts';
import type { ManifestEntry } from '../plan/manifest.ts';
import type { Plan } from '../plan/plan.ts';
import type { Slice } from '../plan/slices.ts';
import { kvTypeOf } from '../state/kv-shape.ts';
import { contextSequences, contextTexts } from '../state/llama-states.ts';
import { tryGraphs } from './graph-trial.ts';
import { identityOfAdapter, type LoraAdapter } from './lora-adapters.ts';
import type { ComputingDevice, GraphSurroundings, ModelGraphs, OpenedGraphs, StateOptions } from './model-graphs.ts';

/** Bytes of libllama's description of a tensor, and of the nodes that graphs have room for because of it. */
const describedBytes = 8 * 2 ** 10;
const nodeBytes = 16 * 2 ** 10;
/** Bytes of libllama's own code and heap that no other use of it takes. */
const libraryBytes = 12 * 2 ** 20;
/**
 * Bytes of libllama's lists for a token that a context may hold, of which there are two where some layers have windows.
 * Eight full contexts took 110 (attention), 160 (with windows) and 250 (with the copies of hybrid models' states).
 */
const cellBytes = 2 * 160;
/** Sequences of a context, at most (`LLAMA_MAX_SEQ`). */
const mostSequences = 256;
/** Tokens of the largest contexts that are measured: libllama's lists for more would be memory outside the plan. */
const mostMeasured = 2 ** 17;

interface LlamaGraphOptions {
  readonly rope?: RopeOptions | undefined;
  readonly trialFolder?: string | undefined;
  readonly embedsAll?: boolean | undefined;
  readonly pooling?: WholePooling | undefined;
  readonly adapters?: readonly LoraAdapter[] | undefined;
}

/** The graphs that libllama builds, of any architecture that it takes a text on with. */
export class LlamaModelGraphs implements ModelGraphs {
  readonly builder = 'libllama';
  readonly #file: ModelFile;
  readonly #facts: ModelFacts;
  readonly #rope: RopeOptions | undefined;
  readonly #trialFolder: string | undefined;
  readonly #embedsAll: boolean;
  readonly #pooling: WholePooling | undefined;
  readonly #adapters: readonly LoraAdapter[];
  /** Traits by the device that computes, as libllama knows it. */
  readonly #traits: Map<Pointer | undefined, GraphTraits> = new Map();
  /** Models without memory, whose contexts are measured; while another one is opened there are none. */
  readonly #measured: Map<Pointer | undefined, LlamaModel> = new Map();
  readonly #sizes: Map<string, LlamaSizes> = new Map();
  readonly besideProducts = (device: Device): Promise<number> => secondsBesideLlamaProducts(this.#file, device);

  /**
   * `trialFolder` remembers which models libllama was tried with; `embedsAll` plans for passes that give embeddings of all
   * tokens; `pooling` makes embeddings of whole texts; `adapters` change the weights, with their scales.
   */
  constructor(file: ModelFile, facts: ModelFacts, options: LlamaGraphOptions = {}) {
    const { rope, trialFolder, embedsAll = false, pooling, adapters = [] } = options;
    this.#file = file;
    this.#facts = facts;
    this.#rope = rope;
    this.#trialFolder = trialFolder;
    this.#embedsAll = embedsAll;
    this.#pooling = pooling;
    this.#adapters = adapters;
  }

  get wholeTexts(): boolean {
    return this.#pooling !== undefined;
  }

  get rowLengths(): readonly number[] {
    const { metadata } = this.#file;
    const { architecture, heads, width } = this.#facts;
    if (this.wholeTexts || this.#collected().memory === 'recurrent') return [];
    return ['key_length', 'value_length'].map((key) =>
      metadata.number(`${architecture}.attention.${key}`, Math.floor(width / heads)),
    );
  }

  get loadedBytes(): number {
    return libraryBytes + this.#file.weights.size * describedBytes;
  }

  get scales(): readonly number[] {
    return this.#adapters.map(({ scale }) => scale);
  }

  get adapterBytes(): number {
    return this.#adapters.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  manifest(_context: number, _window?: Window, device?: ComputingDevice): readonly ManifestEntry[] {
    return this.#collected(device).manifest;
  }

  get unused(): readonly string[] {
    const { manifest, lookups } = this.#collected();
    const read = new Set([...manifest.map(({ weight }) => weight), ...lookups]);
    return [...this.#file.weights.values()].filter((weight) => !read.has(weight)).map(({ name }) => name);
  }

  check({ window, home }: KvOptions): void {
    const { architecture } = this.#facts;
    const refuse = (what: string): never => {
      throw new EngineError('NOT_WITH_LIBLLAMA', { what, architecture, adapted: this.#adapters.length > 0 });
    };
    if (window) refuse('a sliding window (--sliding-window)');
    if (home === 'ssd') refuse('keys and values on the SSD (--kv-home ssd)');
    if (!isRotation(this.#rope)) return;
    if (this.wholeTexts) refuse('another rotation of positions (--rope-scale)');
    if (!this.#collected().rotates) throw new EngineError('NO_ROTATION', { architecture });
  }

  checkDevice(device: Device): void {
    if (device.kind === 'cpu') return;
    refuseNodes(device, this.#collected(device).unsupported);
  }

  stateBytes(options: StateOptions): ReturnType<ModelGraphs['stateBytes']> {
    const { cells } = this.#contextOptions(options);
    const lists = this.#collected().memory === 'recurrent' || this.wholeTexts ? 0 : cells * cellBytes;
    return { memory: this.#measure(options).state + lists, ssd: 0, parts: 0 };
  }

  homeCosts(): undefined {
    return undefined;
  }

  computeBytes(options: StateOptions, slices: readonly Slice[], device: ComputingDevice): number {
    const { lookups, work } = this.#collected(device);
    const { vocabulary } = this.#facts;
    const { batch, sequences, outputs, cells } = this.#contextOptions(options);
    const rows = lookups.reduce(
      (sum, weight) => sum + rowsBytes(weight) + lookupBytes(weight, batch, device) + 4 * batch,
      0,
    );
    const isCut = slices.some(({ row }) => row > 0);
    return (
      this.#measure(options, device).compute +
      this.#adapterResults(batch, outputs) +
      // Libllama's copies of logits, and ours where a pass is computed in parts.
      (this.wholeTexts ? 0 : 2 * 4 * Math.max(outputs, sequences) * vocabulary) +
      batch * Math.ceil(work.token + work.position * cells) +
      (isCut ? productBytes(slices, batch) : 0) +
      rows +
      (this.#file.weights.size + this.#adapters.reduce((sum, { pairs }) => sum + pairs.length, 0)) * nodeBytes +
      (this.wholeTexts ? 0 : choosingBytes(vocabulary, options)) +
      device.threads * threadBytes
    );
  }

  identity(context: number): unknown {
    const { rope } = this.#facts;
    const own = { graphs: 'libllama', rope, changed: this.#rope ?? null, long: context > rope.originalContext };
    return this.#adapters.length > 0 ? { ...own, adapters: this.#adapters.map(identityOfAdapter) } : own;
  }

  open(plan: Plan, { device, layoutOf, reader }: GraphSurroundings, owner: Disposer): OpenedGraphs {
    this[Symbol.dispose]();
    const { weights: file } = this.#file;
    const uploads = openUploads(plan, device, reader, owner);
    const bytes = arenaBytes(plan, (slice) => device.paddingOf(slice));
    const arena = owner.use(device.memoryFor(bytes, 'resident weights'));
    const ring = owner.use(device.memoryFor(plan.shares.ring, 'the ring'));
    const weights = bindWeights(plan, file, { arena, ring, layoutOf, uploads }, owner);
    const residents = new Residents(plan, reader, { arena, ring, uploads, tensors: weights.tensors });
    const model = owner.use(new LlamaModel(this.#file, { device }));
    for (const { path } of this.#adapters) {
      model.loadAdapter(path);
      evictFile(path);
    }
    const { tensors } = model;
    const options = this.#contextOptions(plan);
    const scales = this.#adapters.map(({ scale }) => scale);
    const context = owner.use(new LlamaContext(model, { ...options, scales }));
    const slots = plan.experts && { slots: plan.experts.slots, tokens: options.batch };
    const experts =
      slots && openExperts(this.#collected(device).manifest, slots, { device, reader, uploads, tensors }, owner);
    const pager = new Pager({
      weightRing: new Ring(reader),
      kvRing: new Ring(reader),
      residents,
      ...(experts && { experts: experts.pools }),
    });
    const { head, apart } = this.#collected(device);
    const parts = { device, model, context, plan, file, weights, reader, pager, head, apart };
    const graphs = owner.use(new LlamaGraphs({ ...parts, experts: experts?.steps }));
    return { graphs, pager };
  }

  /** Bytes of the results that adapters add to those of the largest weight: products with A and B, and these scaled. */
  #adapterResults(batch: number, outputs: number): number {
    const experts = new Map(this.#collected().manifest.map(({ weight, experts }) => [weight.name, experts?.used ?? 1]));
    const elements = this.#adapters.flatMap(({ pairs }) =>
      pairs.map(({ weight: { name, shape }, rank }) => {
        const columns = name === 'output.weight' ? outputs : batch * (experts.get(name) ?? 1);
        return columns * (rank + 2 * at(shape, name === 'token_embd.weight' ? 0 : 1));
      }),
    );
    return 4 * Math.max(0, ...elements);
  }

  /** Traits of the graphs on a device, by default the CPU. */
  #collected(device?: LookedDevice): GraphTraits {
    const key = device?.pointer;
    const known = this.#traits.get(key);
    if (known) return known;
    const adapters = this.#adapters.map(({ path }) => path);
    const { kind = 'cpu', name = '' } = device ?? {};
    tryGraphs(this.#file, this.#trialFolder, { adapters, ...(kind !== 'cpu' && { device: { kind, name } }) });
    const traits = graphTraits(this.#file, this.#pooling, device);
    this.#traits.set(key, traits);
    // Memory that it takes is part of the process from now on.
    this.#measuredModel(device);
    return traits;
  }

  /** A model without memory for graphs on a device, until graphs are opened. */
  #measuredModel(device?: GraphDevice): LlamaModel {
    const key = device?.pointer;
    const model = this.#measured.get(key) ?? new LlamaModel(this.#file, { measured: true, device });
    this.#measured.set(key, model);
    return model;
  }

  /** Bytes that a context takes, by libllama's own account. */
  #measure(options: StateOptions, device?: GraphDevice): LlamaSizes {
    const wanted = this.#contextOptions(options);
    const key = JSON.stringify([wanted, `${device?.pointer}`]);
    const known = this.#sizes.get(key);
    if (known) return known;
    const sizesOf = (cells: number): LlamaSizes => {
      using context = new LlamaContext(this.#measuredModel(device), { ...wanted, cells });
      return context.sizes;
    };
    const sizes = this.wholeTexts ? sizesOf(wanted.cells) : sizesOfLonger(wanted.cells, mostMeasured, sizesOf);
    this.#sizes.set(key, sizes);
    return sizes;
  }

  /**
   * The context for the sequences of a plan: whole batches of one of them, and drafts of the others. Throws BAD_OPTION for
   * more than libllama has room for.
   */
  #contextOptions({ context, parallel, batch, ahead, kvType }: StateOptions): LlamaContextOptions {
    const decoded = 1 + ahead;
    const traits = this.#collected();
    const most = contextTexts(traits, mostSequences);
    if (parallel > most) {
      const expected = `${most} at most, for a model of this architecture`;
      throw new EngineError('BAD_OPTION', { option: 'parallel', value: `${parallel}`, expected });
    }
    if (this.#pooling) return this.#wholeOptions(batch, parallel);
    const tokens = Math.max(batch, decoded) + (parallel - 1) * decoded;
    return {
      cells: parallel * context,
      sequences: contextSequences(traits, parallel),
      batch: tokens,
      outputs: this.#embedsAll ? tokens : parallel * decoded,
      kvType: kvTypeOf(kvType).id,
      rope: this.#rope,
    };
  }

  /** The context of whole texts: the tokens of a pass, whoever they belong to. */
  #wholeOptions(batch: number, sequences: number): LlamaContextOptions {
    const kvType = kvTypeOf('f16').id;
    return { cells: batch, sequences, batch, outputs: sequences, kvType, pooling: this.#pooling };
  }

  [Symbol.dispose](): void {
    for (const model of this.#measured.values()) model[Symbol.dispose]();
    this.#measured.clear();
  }
}
