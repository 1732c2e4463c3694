import type { Tensor } from '../ggml/graph.ts';
import { HostMemory, type Memory } from '../ggml/host-memory.ts';
import { TensorSet } from '../ggml/tensor-set.ts';
import { byName, type GgmlType, rowBytes } from '../gguf/types.ts';
import type { KvType } from '../plan/kv-type.ts';

/** What the keys and values of one sequence look like. */
export interface KvShape {
  readonly layers: number;
  readonly kvHeads: number;
  readonly keyLength: number;
  readonly valueLength: number;
  /** Tokens it holds. */
  readonly context: number;
  /** Heads are whole blocks of it. */
  readonly type: KvType;
}

/** One layer's keys (keyLength * kvHeads, context) and values (valueLength * kvHeads, context) of the shape's type. */
export interface KvLayer {
  readonly k: Tensor;
  readonly v: Tensor;
}

/** ggml's type of that name. */
export function typeNamed(name: KvType): GgmlType {
  const type = byName(name);
  if (!type) throw new RangeError(`there is no type ${name}`);
  return type;
}

/** Bytes of one token's keys, and of its values, in one layer. */
function tokenBytes(shape: KvShape): { readonly key: number; readonly value: number } {
  const type = typeNamed(shape.type);
  return {
    key: rowBytes(type, shape.keyLength * shape.kvHeads),
    value: rowBytes(type, shape.valueLength * shape.kvHeads),
  };
}

function layerBytes(shape: KvShape): number {
  const { key, value } = tokenBytes(shape);
  return (key + value) * shape.context;
}

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
    const { id } = typeNamed(shape.type);
    const keyBytes = tokenBytes(shape).key * shape.context;
    this.layers = Array.from({ length: shape.layers }, (_, il) => {
      const k = { pointer: this.#tensors.add(id, keyShape), shape: keyShape };
      const v = { pointer: this.#tensors.add(id, valueShape), shape: valueShape };
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
  const { key, value } = tokenBytes(shape);
  return Array.from({ length: shape.layers }, (_, il) => il * layerBytes(shape)).flatMap((layer) => [
    { offset: layer, length: key * tokens },
    { offset: layer + key * shape.context, length: value * tokens },
  ]);
}

/** Zeroed memory for one sequence. Throws OUT_OF_MEMORY. */
export function kvMemory(shape: KvShape): HostMemory {
  const memory = new HostMemory(kvBytes(shape), 'keys and values');
  // Attention also multiplies what its mask hides: that must not be NaN.
  memory.clear();
  return memory;
}
