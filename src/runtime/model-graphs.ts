import type { Disposer } from '../base/disposer.ts';
import type { LayoutOf } from '../exec/bind-weights.ts';
import type { GraphSource } from '../exec/program.ts';
import type { Device } from '../ggml/device.ts';
import type { Pager } from '../pager/pager.ts';
import type { Reader } from '../pager/reader.ts';
import type { KvHomeCosts } from '../plan/kv-homes.ts';
import type { KvOptions, Window } from '../plan/kv-options.ts';
import type { ManifestEntry } from '../plan/manifest.ts';
import type { Plan } from '../plan/plan.ts';
import type { Slice } from '../plan/slices.ts';

/** Options that the states of a plan's texts depend on, beside the model. */
export type StateOptions = Pick<Plan, 'context' | 'kvType' | 'window' | 'kvHomes' | 'batch' | 'ahead' | 'parallel'>;

/** The part of a device that the size of intermediate results depends on. */
export type ComputingDevice = Pick<
  Device,
  'threads' | 'kind' | 'name' | 'bufferType' | 'pointer' | 'supports' | 'paddingOf'
>;

/** The needs of a model's graphs, whatever the budget. */
export interface GraphDemand {
  /** The builder of the graphs. */
  readonly builder: 'own' | 'libllama';
  /** Whether a text is computed whole, in one pass: then a pass has room for the context, all its texts together. */
  readonly wholeTexts: boolean;
  /** Lengths of the rows of keys and values, which are whole blocks of their type; none where none are kept. */
  readonly rowLengths: readonly number[];
  /**
   * The weights that a pass reads in a context of so many tokens, in order of first use: each is there, of a type and
   * shape that can be computed on. Devices may compute in an order of their own; default: the CPU's. Throws MISSING_TENSOR,
   * WRONG_SHAPE, UNSUPPORTED_TENSOR_TYPE, GRAPH_FAILED.
   */
  manifest(context: number, window?: Window, device?: ComputingDevice): readonly ManifestEntry[];
  /** Weights of the file that no graph reads, by name. */
  readonly unused: readonly string[];
  /** Bytes that the process takes beside the usual once the manifest is known. */
  readonly loadedBytes: number;
  /** The scale of each LoRA adapter. */
  readonly scales: readonly number[];
  /** Bytes of LoRA adapters in memory. */
  readonly adapterBytes: number;
  /** Throws NOT_WITH_LIBLLAMA for keys and values, and NO_ROTATION for a rotation of positions, that cannot be had. */
  check(kv: KvOptions): void;
  /**
   * Bytes that the states of all texts take in memory, and on the SSD, when these have grown to the context; and the parts
   * of one text's on the SSD, each of which a pass reads.
   */
  stateBytes(options: StateOptions): { readonly memory: number; readonly ssd: number; readonly parts: number };
  /** Costs of states that live on the SSD, layer by layer; undefined if none can. */
  homeCosts(options: StateOptions): Omit<KvHomeCosts, 'share'> | undefined;
  /** Bytes of the intermediate results of a pass with a whole batch on a device. */
  computeBytes(options: StateOptions, slices: readonly Slice[], device: ComputingDevice): number;
  /** Throws DEVICE_UNSUITABLE where a device cannot compute the graphs of contexts of so many tokens. */
  checkDevice(device: Device, context: number): void;
  /** Seconds of a token's operations on the CPU that are no products with weights, measured. Rejects with OUT_OF_MEMORY. */
  besideProducts(device: Device): Promise<number>;
  /** Everything beside the model's file and the form of states that these depend on, in a context of so many tokens. */
  identity(context: number): unknown;
}

/** Parts that opened graphs work with. */
export interface GraphSurroundings {
  readonly device: Device;
  readonly layoutOf: LayoutOf;
  readonly reader: Reader;
  /** A folder for states that live on the SSD; default: the system's for temporary files. */
  readonly kvFolder?: string | undefined;
  /** Hears of things worth knowing, though nothing is wrong. */
  readonly warn?: ((reason: Error) => void) | undefined;
}

/** Graphs in the memory of a plan, and the way of everything that they wait for. */
export interface OpenedGraphs {
  readonly graphs: GraphSource;
  readonly pager: Pager;
}

/** The graphs of a model before they are opened. Disposal frees what measuring took. */
export interface ModelGraphs extends GraphDemand, Disposable {
  /** Allocates what `plan` says; `owner` frees it. Throws OUT_OF_MEMORY, KV_SPACE, GRAPH_FAILED. */
  open(plan: Plan, surroundings: GraphSurroundings, owner: Disposer): OpenedGraphs;
}
