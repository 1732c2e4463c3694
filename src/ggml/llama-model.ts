import koffi from 'koffi';
import { Disposer } from '../base/disposer.ts';
import { EngineError } from '../base/errors.ts';
import type { ModelFile } from '../gguf/model-file.ts';
import { dimension, elementCount } from '../gguf/weight.ts';
import { loadGgml } from './api.ts';
import { setBufferType, withBufferMemory } from './buffer-memory.ts';
import { Callback } from './callback.ts';
import type { GraphDevice } from './device.ts';
import type { Pointer } from './library.ts';
import { bufferOverride, bufferTypeStruct, callbacks, loadLlamaGraphs } from './llama-graph-api.ts';
import { addWeights, type DescribedWeight, type LlamaSource, sourceOfFile } from './llama-source.ts';
import { lastLog, listening } from './log.ts';
import { NativeArray } from './native-array.ts';
import { hasOwnWidths, widenTensors } from './own-widths.ts';
import { tensorName, tensorShape } from './tensor-fields.ts';

/** Architectures that keep keys and values of several tokens as one: copies of their sequences change with these. */
const compressing: ReadonlySet<string> = new Set(['deepseek4']);

/** Alignment of a weight's address, which the CPU's kernels ask for. */
const alignment = 64;
/** An address that is aligned as any device wants. */
const deviceAddress = 4096;
/** More layers than any model has. */
const allLayers = 9999;

/**
 * A model as libllama sees it: hyperparameters and a tensor for each weight, none of which is read. The tensors have
 * addresses without memory behind them, until they are placed with `setData`.
 */
export class LlamaModel implements Disposable {
  readonly pointer: Pointer;
  /** The path of the file, for errors. */
  readonly file: string;
  /** True for a model whose contexts keep nothing: their sizes are wanted. */
  readonly isMeasured: boolean;
  /** The device that graphs are built for; undefined for the CPU. */
  readonly device: GraphDevice | undefined;
  /** Names of weights by libllama's tensors: an embedding that is the head, too, may have one for each. */
  readonly tensors: ReadonlyMap<Pointer, string>;
  /**
   * The states that layers keep of a text: keys and values, recurrent ones, both (`hybrid`), or keys and values of several
   * tokens as one (`compressed`).
   */
  readonly memory: 'attention' | 'recurrent' | 'hybrid' | 'compressed';
  /** True where libllama stores states of a batch of several sequences in wrong places: each needs a batch of its own. */
  readonly batchesApart: boolean;
  /** True where libllama hides tokens in the first row of logits only. */
  readonly hidesInFirstRow: boolean;
  /**
   * How a text is taken back: cut behind any token, as far as its windows have not moved on, or put back from a copy of its
   * sequence, which libllama makes without copying.
   */
  readonly goesBack: 'cut' | 'copied' | 'never';
  /** Tokens that attention of some layers sees; 0 if all layers see all. */
  readonly window: number;
  /** LoRA adapters in memory, in the order in which they were loaded. */
  readonly #adapters: Pointer[] = [];
  /** The type of the weights' buffers, which the tensors go on to refer to. */
  readonly #buffers: Disposer = new Disposer();

  /**
   * Loads the descriptions of a model's file and weights, for graphs of a device, by default the CPU. A model that is
   * `measured` only has no memory for what its contexts keep. Throws GRAPH_FAILED, MISSING_TENSOR, WRONG_SHAPE,
   * LIBRARY_MISSING.
   */
  constructor(
    model: ModelFile | LlamaSource,
    { measured = false, device }: { readonly measured?: boolean; readonly device?: GraphDevice | undefined } = {},
  ) {
    const source = 'newMetadata' in model ? model : sourceOfFile(model);
    const { weights } = source;
    this.file = source.file;
    this.isMeasured = measured;
    this.device = device?.pointer ? device : undefined;
    try {
      const made = load(source, { measured, device: this.device, buffers: this.#buffers });
      this.pointer = made.pointer;
      this.tensors = made.tensors;
    } catch (error) {
      this.#buffers[Symbol.dispose]();
      throw error;
    }
    try {
      widenTensors(this.tensors, source);
      checkTensors(this.tensors, weights);
      const api = loadLlamaGraphs();
      this.memory = memoryOf(this.pointer, source.architecture);
      // Its graphs multiply the place of the first sequence by the number of sequences.
      this.batchesApart = source.architecture === 'plamo2';
      this.hidesInFirstRow = source.architecture === 'chameleon';
      this.goesBack = waysBack[this.memory];
      this.window = Math.max(0, api.llama_model_n_swa(this.pointer));
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  get adapters(): readonly Pointer[] {
    return this.#adapters;
  }

  /**
   * Reads a LoRA adapter into memory, until the model is disposed: contexts apply it once it has a scale. `described` ones
   * have addresses and no memory. Libllama may end the process on a file that was not checked. Throws ADAPTER_UNSUITABLE.
   */
  loadAdapter(path: string, { described = false }: { readonly described?: boolean } = {}): void {
    const load = (): Pointer | null => loadLlamaGraphs().llama_adapter_lora_init(this.pointer, path);
    const adapter = described ? withBufferMemory('none', load, this.device) : load();
    if (!adapter) throw new EngineError('ADAPTER_UNSUITABLE', { file: path, what: lastLog() });
    this.#adapters.push(adapter);
  }

  [Symbol.dispose](): void {
    loadLlamaGraphs().llama_model_free(this.pointer);
    this.#buffers[Symbol.dispose]();
  }
}

const waysBack = { attention: 'cut', recurrent: 'copied', hybrid: 'copied', compressed: 'never' } as const;

function memoryOf(model: Pointer, architecture: string): LlamaModel['memory'] {
  const api = loadLlamaGraphs();
  if (compressing.has(architecture)) return 'compressed';
  if (api.llama_model_is_recurrent(model)) return 'recurrent';
  return api.llama_model_is_hybrid(model) ? 'hybrid' : 'attention';
}

type Made = Pick<LlamaModel, 'pointer' | 'tensors'>;

interface LoadOptions {
  readonly measured: boolean;
  readonly device: GraphDevice | undefined;
  /** Owns what the model's buffers refer to. */
  readonly buffers: Disposer;
}

/** Names of weights that libllama asks for, and of those that it knows and skips: it counts them too. */
interface Asked {
  readonly used: Set<string>;
  readonly skipped: Set<string>;
}

/**
 * Makes the model of a file, with the weights that it asks for. Libllama refuses a file with any others, such as those of
 * another model, and is then given the ones that it knows. Throws MISSING_TENSOR, GRAPH_FAILED.
 */
function load(source: LlamaSource, options: LoadOptions): Made {
  const { file, weights } = source;
  const { used, skipped }: Asked = { used: new Set(), skipped: new Set() };
  const known = (): DescribedWeight[] =>
    [...weights.values()].filter(({ name }) => used.has(name) || skipped.has(name));
  const attempt = (list: readonly DescribedWeight[]): Made | undefined => {
    const model = make(source, list, { used, skipped }, options);
    if (model) return model;
    const named = /missing tensor '([^']+)'/.exec(lastLog())?.[1];
    const missing = named ?? [...used].find((name) => !weights.has(name));
    if (missing !== undefined) throw new EngineError('MISSING_TENSOR', { tensor: missing });
    return undefined;
  };
  let model = attempt([...weights.values()]);
  if (!model && /wrong number of tensors/.test(lastLog())) model = attempt(known());
  if (!model) throw new EngineError('GRAPH_FAILED', { file, reason: lastLog() });
  return model;
}

/** Makes the model of the weights `list`; the names of those that it asks for are added to `asked`. */
function make(
  source: LlamaSource,
  list: readonly DescribedWeight[],
  asked: Asked,
  { measured, device, buffers }: LoadOptions,
): Made | undefined {
  const api = loadLlamaGraphs();
  using owner = new Disposer();
  const tensors = new Map<Pointer, string>();
  const setData = owner.use(
    new Callback(callbacks.setData, (tensor: Pointer) => {
      tensors.set(tensor, tensorName(tensor));
    }),
  );
  const gguf = source.newMetadata();
  owner.use({ [Symbol.dispose]: () => api.gguf_free(gguf) });
  addWeights(gguf, list);
  using type = new WeightType(buffers, device);
  // A list that 0 ends.
  const devices = owner.use(new NativeArray(16));
  if (device?.pointer) new BigUint64Array(devices.bytes.buffer)[0] = device.pointer;
  const params = {
    ...api.llama_model_default_params(),
    devices: devices.address,
    tensor_buft_overrides: type.overrides.address,
    n_gpu_layers: device ? allLayers : 0,
    use_extra_bufts: false,
    // Tensors without a place are not heard of, and could not be widened.
    no_alloc: measured && !hasOwnWidths(source.architecture),
  };
  const pointer = listening(
    (line) => {
      const [, used] = /(?:^|: )tensor (\S+) \(.* overridden to/.exec(line) ?? [];
      const [, skipped] = /model has unused tensor (\S+) \(/.exec(line) ?? [];
      if (used !== undefined) asked.used.add(used);
      if (skipped !== undefined) asked.skipped.add(skipped);
    },
    () => api.llama_model_init_from_user(gguf, setData.address, 0n, params),
  );
  return pointer ? { pointer, tensors } : undefined;
}

/**
 * The type of the weights' buffers, which have addresses and no memory. For a device it is its own type in all else: by
 * that, libllama takes weights for such as lie in its memory.
 */
class WeightType implements Disposable {
  /** A list of patterns of names, with the type of the weights that these are of: all of them. */
  readonly overrides: NativeArray;
  readonly #type: NativeArray;
  readonly #original: Pointer | undefined;

  /** `owner` frees whatever the buffers refer to. */
  constructor(owner: Disposer, device: GraphDevice | undefined) {
    const type = owner.use(new NativeArray(koffi.sizeof(bufferTypeStruct)));
    const own = device && (koffi.decode(device.bufferType, bufferTypeStruct) as { readonly alloc_buffer: Pointer });
    const address = BigInt(own ? deviceAddress : alignment);
    const allocate = (_type: Pointer, bytes: number | bigint): Pointer => {
      const buffer = loadGgml().ggml_backend_cpu_buffer_from_ptr(address, Number(bytes));
      if (own) setBufferType(buffer, type.address);
      return buffer;
    };
    const [name, pattern] = [owner.use(cString('streamed')), owner.use(cString('.*'))];
    const callback = (
      name: 'bufferName' | 'allocate' | 'alignment' | 'isHost',
      call: (...values: never[]) => unknown,
    ) => owner.use(new Callback(callbacks[name], call)).address;
    const plain = (): object => ({
      get_name: callback('bufferName', () => name.address),
      get_alignment: callback('alignment', () => alignment),
      get_alloc_size: 0n,
      is_host: callback('isHost', () => true),
      device: 0n,
      context: 0n,
    });
    koffi.encode(type.address, bufferTypeStruct, {
      ...(own ?? plain()),
      alloc_buffer: callback('allocate', allocate),
      get_max_size: 0n,
    });
    this.overrides = owner.use(new NativeArray(2 * koffi.sizeof(bufferOverride)));
    koffi.encode(this.overrides.address, bufferOverride, { pattern: pattern.address, buft: type.address });
    this.#type = type;
    this.#original = own?.alloc_buffer;
  }

  /** Ends the loading: further buffers, those of adapters, have the device's memory. */
  [Symbol.dispose](): void {
    if (this.#original === undefined) return;
    koffi.encode(this.#type.address, koffi.offsetof(bufferTypeStruct, 'alloc_buffer'), 'void *', this.#original);
  }
}

function cString(text: string): NativeArray {
  const bytes = new TextEncoder().encode(`${text}\0`);
  const array = new NativeArray(bytes.length);
  array.bytes.set(bytes);
  return array;
}

/** Throws MISSING_TENSOR, WRONG_SHAPE where a tensor of libllama's is none of the file's. */
function checkTensors(tensors: LlamaModel['tensors'], weights: LlamaSource['weights']): void {
  for (const [tensor, name] of tensors) {
    const weight = weights.get(name);
    if (!weight) throw new EngineError('MISSING_TENSOR', { tensor: name });
    const expected = tensorShape(tensor);
    // Rows may be grouped in another way than in the file.
    if (dimension(weight.shape, 0) !== expected[0] || elementCount(weight.shape) !== elementCount(expected)) {
      throw new EngineError('WRONG_SHAPE', { tensor: name, shape: weight.shape, expected });
    }
  }
}
