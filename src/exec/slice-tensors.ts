import type { Weights } from '../arch/architecture.ts';
import { at } from '../base/at.ts';
import { EngineError } from '../base/errors.ts';
import type { SliceTensor, WeightTensor } from '../ggml/graph.ts';
import { TensorSet } from '../ggml/tensor-set.ts';
import { type GgmlType, ggmlTypes } from '../gguf/types.ts';
import { dimension, type Weight } from '../gguf/weight.ts';
import type { ManifestEntry } from '../plan/manifest.ts';
import type { Slice } from '../plan/slices.ts';

const withoutKernel: readonly string[] = ['q8_1', 'q8_K', 'i8', 'i16', 'i32', 'i64', 'f64'];
/** The types that a matrix can have. */
export const multiplied: ReadonlySet<GgmlType> = new Set(ggmlTypes.filter(({ name }) => !withoutKernel.includes(name)));

/** The weight `name` of `shape`, checked. Throws MISSING_TENSOR, WRONG_SHAPE, UNSUPPORTED_TENSOR_TYPE. */
export function findWeight(weights: ReadonlyMap<string, Weight>, name: string, shape: readonly number[]): Weight {
  const weight = weights.get(name);
  if (!weight) throw new EngineError('MISSING_TENSOR', { tensor: name });
  const dims = Math.max(shape.length, weight.shape.length);
  for (let i = 0; i < dims; i += 1) {
    if (dimension(weight.shape, i) !== dimension(shape, i)) {
      throw new EngineError('WRONG_SHAPE', { tensor: name, shape: weight.shape, expected: shape });
    }
  }
  const { type } = weight;
  // Norms and biases are added and multiplied element by element, which ggml does in float32 only.
  if (!multiplied.has(type) || (shape.length === 1 && type.name !== 'f32')) {
    throw new EngineError('UNSUPPORTED_TENSOR_TYPE', { tensor: name, type: type.name });
  }
  return weight;
}

/** Tensors of slices. Each is placed once, when it is made. */
export class SliceTensors implements Disposable {
  readonly tensors: readonly SliceTensor[];
  readonly #set: TensorSet;

  constructor(slices: readonly Slice[], place: (slice: Slice, tensor: SliceTensor) => void) {
    this.#set = new TensorSet(slices.length);
    this.tensors = slices.map((slice) => {
      const { weight, shape, id } = slice;
      const tensor: SliceTensor = { pointer: this.#set.add(weight.type.id, shape), shape, slice: id };
      place(slice, tensor);
      return tensor;
    });
  }

  [Symbol.dispose](): void {
    this.#set[Symbol.dispose]();
  }
}

/** The weights of a model, with a tensor for each of `slices`. */
export function weightsOf(
  model: ReadonlyMap<string, Weight>,
  slices: readonly Slice[],
  tensors: readonly SliceTensor[],
): Weights {
  const byName = new Map<string, SliceTensor[]>();
  for (const [i, { weight }] of slices.entries()) {
    const tensor = at(tensors, i);
    const siblings = byName.get(weight.name);
    if (siblings) siblings.push(tensor);
    else byName.set(weight.name, [tensor]);
  }
  const ask = (name: string, shape: readonly number[]): WeightTensor => {
    findWeight(model, name, shape);
    const parts = byName.get(name);
    if (!parts) throw new EngineError('MISSING_TENSOR', { tensor: name });
    return { shape, slices: parts };
  };
  return Object.assign(ask, { has: (name: string) => model.has(name) });
}

/** Records the weights that a model asks for while it builds: the graph is the manifest. */
export class Manifest implements Disposable {
  readonly weights: Weights;
  readonly #set: TensorSet;
  readonly #entries = new Map<string, { weight: Weight; tensor: SliceTensor; times: number }>();

  constructor(model: ReadonlyMap<string, Weight>, place: (tensor: SliceTensor) => void) {
    this.#set = new TensorSet(model.size);
    const ask = (name: string, shape: readonly number[]): WeightTensor => {
      let entry = this.#entries.get(name);
      if (!entry) {
        const weight = findWeight(model, name, shape);
        const tensor = { pointer: this.#set.add(weight.type.id, shape), shape, slice: this.#entries.size };
        place(tensor);
        entry = { weight, tensor, times: 0 };
        this.#entries.set(name, entry);
      }
      entry.times += 1;
      return { shape, slices: [entry.tensor] };
    };
    this.weights = Object.assign(ask, { has: (name: string) => model.has(name) });
  }

  get entries(): readonly ManifestEntry[] {
    return [...this.#entries.values()].map(({ weight, tensor, times }) => ({
      weight,
      streamable: tensor.shape.length === 2 && times === 1,
    }));
  }

  [Symbol.dispose](): void {
    this.#set[Symbol.dispose]();
  }
}
