import { at } from '../base/at.ts';
import { Disposer } from '../base/disposer.ts';
import { EngineError } from '../base/errors.ts';
import { GraphAllocator } from '../ggml/allocator.ts';
import { readTensor, writeTensor } from '../ggml/data.ts';
import type { Device } from '../ggml/device.ts';
import { F32, Graph, type Tensor } from '../ggml/graph.ts';
import { pageBytes } from '../ggml/system.ts';
import { TensorSet } from '../ggml/tensor-set.ts';
import type { ModelFile } from '../gguf/model-file.ts';
import { dimension, elementCount, type Weight } from '../gguf/weight.ts';
import type { Reader } from '../pager/reader.ts';
import { pageSpanOf } from '../plan/slices.ts';

const name = 'cls.output.weight';
/** Bytes of a head: those that are known take 16 kB. It is too small to have a share of the plan. */
const mostBytes = 2 ** 18;

interface HeadParts {
  readonly device: Device;
  readonly reader: Pick<Reader, 'read'>;
}

/** The head of a decoder that scores texts: it makes probabilities of classes of the embedding of a text's last token. */
export class ClassHead implements Disposable {
  readonly #owner: Disposer = new Disposer();
  readonly #device: Device;
  readonly #graph: Graph;
  readonly #embedding: Tensor;
  readonly #classes: Tensor;

  private constructor(device: Device, { type, shape }: Weight, data: Uint8Array) {
    const [width, classes] = [at(shape, 0), at(shape, 1)];
    this.#device = device;
    const graph = this.#owner.use(new Graph(16));
    this.#graph = graph;
    [this.#embedding, this.#classes] = this.#owner.building(() => {
      const pointer = this.#owner.use(new TensorSet(1)).add(type.id, shape);
      const bytes = data.length + device.paddingOf({ weight: { type }, shape });
      this.#owner.use(device.memoryFor(bytes, 'the head for scores')).place(pointer, 0);
      writeTensor(pointer, data);
      const embedding = graph.input(F32, [width, 1]);
      const product = graph.matmul({ shape, slices: [{ pointer, shape, slice: 0 }] }, embedding);
      const output = graph.output({ ...product, shape: [classes] });
      this.#owner.use(new GraphAllocator(device.bufferType)).allocate(graph);
      return [embedding, output];
    });
  }

  /**
   * Reads the head for embeddings of `width` elements. Rejects with MISSING_TENSOR, WRONG_SHAPE, UNSUPPORTED_MODEL for more
   * classes than heads have, READ_FAILED, FILE_CHANGED, OUT_OF_MEMORY.
   */
  static async open(
    { weights, metadata }: Pick<ModelFile, 'weights' | 'metadata'>,
    width: number,
    { device, reader }: HeadParts,
  ): Promise<ClassHead> {
    const weight = weights.get(name);
    if (!weight) throw new EngineError('MISSING_TENSOR', { tensor: name });
    const labels = `${metadata.string('general.architecture')}.classifier.output_labels`;
    const expected = [width, metadata.arrayLength(labels, undefined) ?? 1];
    const { shape, extent } = weight;
    if (elementCount(shape) !== elementCount(expected) || dimension(shape, 0) !== width)
      throw new EngineError('WRONG_SHAPE', { tensor: name, shape, expected });
    if (extent.length > mostBytes)
      throw new EngineError('UNSUPPORTED_MODEL', { what: `a head for scores of ${extent.length} bytes` });
    const span = pageSpanOf(extent, pageBytes);
    using pages = device.stagingFor(span.bytes, 'the head for scores');
    const view = pages.view(0, span.bytes);
    await reader.read(extent.file, view, span.start, true);
    return new ClassHead(device, { ...weight, shape: expected }, view.subarray(span.skew, span.skew + extent.length));
  }

  /** The probability of each class, in the order of the model's labels, for an embedding (width). Throws COMPUTE_FAILED. */
  probabilities(embedding: Float32Array): Float32Array {
    writeTensor(this.#embedding.pointer, embedding);
    this.#device.computeNow(this.#graph.pointer);
    const logits = new Float32Array(at(this.#classes.shape, 0));
    readTensor(this.#classes.pointer, logits);
    const most = Math.max(...logits);
    const powers = logits.map((logit) => Math.exp(logit - most));
    const sum = powers.reduce((a, b) => a + b, 0);
    return powers.map((power) => power / sum);
  }

  [Symbol.dispose](): void {
    this.#owner[Symbol.dispose]();
  }
}
