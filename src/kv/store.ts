import { F16, type Tensor } from '../ggml/graph.ts';
import { HostMemory, type Memory } from '../ggml/host-memory.ts';
import { TensorSet } from '../ggml/tensor-set.ts';

/** What the keys and values of one sequence look like. */
export interface KvShape {
  readonly layers: number;
  readonly kvHeads: number;
  readonly keyLength: number;
  readonly valueLength: number;
  /** Tokens it holds. */
  readonly context: number;
}

/** One layer's keys (keyLength * kvHeads, context) and values (valueLength * kvHeads, context), float16. */
export interface KvLayer {
  readonly k: Tensor;
  readonly v: Tensor;
}

const f16Bytes = 2;

const layerBytes = (shape: KvShape): number =>
  (shape.keyLength + shape.valueLength) * shape.kvHeads * shape.context * f16Bytes;

/** Bytes of the keys and values of one sequence. */
export const kvBytes = (shape: KvShape): number => shape.layers * layerBytes(shape);

/** The keys and values of one sequence, all layers. */
export class KvStore implements Disposable {
  readonly shape: KvShape;
  readonly layers: readonly KvLayer[];
  readonly #tensors: TensorSet;

  /** Over memory that the caller keeps, `kvBytes(shape)` long. Its contents must be finite numbers, zeros at first. */
  constructor(shape: KvShape, memory: Memory) {
    this.shape = shape;
    this.#tensors = new TensorSet(2 * shape.layers);
    const keyShape = [shape.keyLength * shape.kvHeads, shape.context];
    const valueShape = [shape.valueLength * shape.kvHeads, shape.context];
    const keyBytes = shape.keyLength * shape.kvHeads * shape.context * f16Bytes;
    this.layers = Array.from({ length: shape.layers }, (_, il) => {
      const k = { pointer: this.#tensors.add(F16, keyShape), shape: keyShape };
      const v = { pointer: this.#tensors.add(F16, valueShape), shape: valueShape };
      memory.place(k.pointer, il * layerBytes(shape));
      memory.place(v.pointer, il * layerBytes(shape) + keyBytes);
      return { k, v };
    });
  }

  [Symbol.dispose](): void {
    this.#tensors[Symbol.dispose]();
  }
}

/** Where the keys and values of the first `tokens` tokens lie, layer by layer: bytes from the start of the memory. */
export function kvAreas(
  shape: KvShape,
  tokens: number,
): readonly { readonly offset: number; readonly length: number }[] {
  const keyRow = shape.keyLength * shape.kvHeads * f16Bytes;
  const valueRow = shape.valueLength * shape.kvHeads * f16Bytes;
  return Array.from({ length: shape.layers }, (_, il) => il * layerBytes(shape)).flatMap((layer) => [
    { offset: layer, length: keyRow * tokens },
    { offset: layer + keyRow * shape.context, length: valueRow * tokens },
  ]);
}

/** Zeroed memory for one sequence. Throws OUT_OF_MEMORY. */
export function kvMemory(shape: KvShape): HostMemory {
  const memory = new HostMemory(kvBytes(shape), 'keys and values');
  // Attention also multiplies what its mask hides: that must not be NaN.
  memory.clear();
  return memory;
}
