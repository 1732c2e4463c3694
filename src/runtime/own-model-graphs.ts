import { tmpdir } from 'node:os';
import type { Config, Stage } from '../arch/architecture.ts';
import type { Disposer } from '../base/disposer.ts';
import { removeUnfinished } from '../base/replace-file.ts';
import { measuredContext, secondsBesideProducts } from '../exec/beside-products.ts';
import { bindWeights } from '../exec/bind-weights.ts';
import { checkNodes, computeBytes, manifestOf } from '../exec/measure.ts';
import { OwnGraphs } from '../exec/own-graphs.ts';
import type { Device } from '../ggml/device.ts';
import type { Weight } from '../gguf/weight.ts';
import { openUploads } from '../pager/open-uploads.ts';
import { Pager } from '../pager/pager.ts';
import type { OpenedFile } from '../pager/reader.ts';
import { arenaBytes, Residents } from '../pager/residents.ts';
import { Ring } from '../pager/ring.ts';
import type { KvHomeCosts } from '../plan/kv-homes.ts';
import type { Window } from '../plan/kv-options.ts';
import type { ManifestEntry } from '../plan/manifest.ts';
import type { Plan } from '../plan/plan.ts';
import type { Slice } from '../plan/slices.ts';
import { kvFileName, openKvFile } from '../state/kv-file.ts';
import { type KvShape, kvAreas, kvBytes, kvFileBytes, kvRingBytes, partBytes } from '../state/kv-shape.ts';
import type { ComputingDevice, GraphSurroundings, ModelGraphs, OpenedGraphs, StateOptions } from './model-graphs.ts';

const usual = { kvType: 'f16', window: undefined, kvHomes: undefined, batch: 1, ahead: 0, parallel: 1 } as const;

/** The graphs of a family that has stages of its own. */
export class OwnModelGraphs implements ModelGraphs {
  readonly builder = 'own';
  readonly wholeTexts = false;
  readonly loadedBytes = 0;
  readonly adapterBytes = 0;
  readonly scales: readonly number[] = [];
  readonly #config: Config;
  readonly #stages: readonly Stage[];
  readonly #weights: ReadonlyMap<string, Weight>;
  readonly #embedsAll: boolean;
  readonly #manifests: Map<string, readonly ManifestEntry[]> = new Map();

  /** `embedsAll` plans for passes that give embeddings of all tokens. */
  constructor(
    config: Config,
    stages: readonly Stage[],
    { weights, embedsAll }: { readonly weights: ReadonlyMap<string, Weight>; readonly embedsAll: boolean },
  ) {
    this.#config = config;
    this.#stages = stages;
    this.#weights = weights;
    this.#embedsAll = embedsAll;
  }

  get rowLengths(): readonly number[] {
    return [this.#config.keyLength, this.#config.valueLength];
  }

  get unused(): readonly string[] {
    // Short and long contexts may rotate by other factors.
    const contexts = [1, this.#config.context];
    const read = new Set(contexts.flatMap((context) => this.manifest(context).map(({ weight }) => weight.name)));
    // The embedding is read by rows.
    return [...this.#weights.keys()].filter((name) => !read.has(name) && name !== 'token_embd.weight');
  }

  check(): void {}

  checkDevice(device: Device, context: number): void {
    checkNodes(this.#outline({ ...usual, context }), device);
  }

  manifest(context: number, window?: Window): readonly ManifestEntry[] {
    // Building takes 20 ms. Without a window, contexts beyond the original one differ from others by their factors.
    const key = window ? JSON.stringify([context, window]) : `${context > this.#config.rope.originalContext}`;
    const made = this.#manifests.get(key) ?? manifestOf(this.#outline({ ...usual, context, window }));
    this.#manifests.set(key, made);
    return made;
  }

  stateBytes(options: StateOptions): ReturnType<ModelGraphs['stateBytes']> {
    const shape = this.kvShape(options);
    const { parallel } = options;
    const onSsd = kvAreas(shape).layers.filter(({ home }) => home === 'ssd');
    return {
      memory: parallel * kvBytes(shape) + kvRingBytes(shape),
      ssd: parallel * kvFileBytes(shape),
      parts: onSsd.reduce((sum, { k, v }) => sum + k.length + v.length, 0),
    };
  }

  homeCosts(options: StateOptions): Omit<KvHomeCosts, 'share'> {
    const { layers } = kvAreas(this.kvShape({ ...options, kvHomes: undefined }));
    return {
      layers: layers.map(({ k, v }) => options.parallel * (partBytes(k) + partBytes(v))),
      passing: this.stateBytes({ ...options, kvHomes: layers.map(() => 'ssd') }).memory,
    };
  }

  computeBytes(options: StateOptions, slices: readonly Slice[], { threads, bufferType }: ComputingDevice): number {
    const { batch, parallel, ahead } = options;
    // Keys and values are computed on in memory, wherever they live.
    const outline = this.#outline({ ...options, kvHomes: undefined });
    return computeBytes(outline, slices, batch, {
      ...{ threads, bufferType, parallel, ahead },
      embedsAll: this.#embedsAll,
    });
  }

  besideProducts(device: Device): Promise<number> {
    return secondsBesideProducts(this.#outline({ ...usual, context: measuredContext }), device);
  }

  identity(context: number): unknown {
    const { rope } = this.#config;
    // Models with two sets of rope factors use the other one in contexts longer than the original.
    return { rope, long: context > rope.originalContext };
  }

  open(plan: Plan, surroundings: GraphSurroundings, owner: Disposer): OpenedGraphs {
    const { device, layoutOf, reader } = surroundings;
    const uploads = openUploads(plan, device, reader, owner);
    const bytes = arenaBytes(plan, (slice) => device.paddingOf(slice));
    const arena = owner.use(device.memoryFor(bytes, 'resident weights'));
    const ring = owner.use(device.memoryFor(plan.shares.ring, 'the ring'));
    const weights = bindWeights(plan, this.#weights, { arena, ring, layoutOf, uploads }, owner);
    const shape = this.kvShape(plan);
    const file = plan.kvOnSsd > 0 ? reader.add(kvFile(plan.kvOnSsd, surroundings)) : 0;
    const residents = new Residents(plan, reader, { arena, ring, uploads, tensors: weights.tensors });
    const kvRingMemory = owner.use(device.memoryFor(kvRingBytes(shape), 'keys and values from the SSD'));
    const pager = new Pager({ weightRing: new Ring(reader), kvRing: new Ring(reader), residents });
    const model = { stages: this.#stages, plan, file: this.#weights };
    const graphs = owner.use(
      new OwnGraphs({ ...model, device, weights, reader, pager, kvRingMemory, kv: { shape, file } }),
    );
    return { graphs, pager };
  }

  /**
   * The shape of one sequence's keys and values. A layer with a window of its own keeps to it, and to as many tokens as
   * the others: it has learned to lose sight of the first ones.
   */
  kvShape(options: Omit<StateOptions, 'parallel'>): KvShape {
    const { context, kvType, window, kvHomes, batch, ahead } = options;
    const { layers, kvHeads, keyLength, valueLength } = this.#config;
    const own = this.#config.window;
    const most = window ? window.tokens + window.sinks : Number.POSITIVE_INFINITY;
    const seen = Array.from({ length: layers }, (_, il): Window | null =>
      own?.layers[il] ? { tokens: Math.min(own.tokens, most), sinks: 0 } : (window ?? null),
    );
    const shape = {
      layers,
      kvHeads,
      keyLength,
      valueLength,
      context,
      type: kvType,
      ...(kvHomes && { homes: kvHomes }),
    };
    return seen.every((layer) => layer === null)
      ? shape
      : { ...shape, windows: seen, pass: Math.max(batch, 1 + ahead) };
  }

  [Symbol.dispose](): void {}

  #outline(options: StateOptions) {
    return { stages: this.#stages, weights: this.#weights, kv: this.kvShape(options) };
  }
}

/** A file for keys and values, once those of ended processes are removed. Throws KV_SPACE. */
function kvFile(bytes: number, { kvFolder = tmpdir(), warn }: GraphSurroundings): OpenedFile {
  for (const path of removeUnfinished(kvFolder, kvFileName))
    warn?.(new Error(`${path} was left by a process that is gone; removed`));
  return openKvFile(kvFolder, bytes);
}
