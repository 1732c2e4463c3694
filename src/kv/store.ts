import { F32, type Tensor } from '../ggml/graph.ts';
import { HostMemory, type Memory } from '../ggml/host-memory.ts';
import { TensorSet } from '../ggml/tensor-set.ts';
import { type KvRows, sinkSteps } from './rows.ts';
import { type KvShape, kvBytes, layerPlaces, typeNamed } from './shape.ts';

/** One layer's keys (keyLength * kvHeads, rows) and values (valueLength * kvHeads, rows) of the shape's type. */
export interface KvLayer {
  readonly rows: KvRows;
  readonly k: Tensor;
  readonly v: Tensor;
  /** Keys (keyLength * kvHeads, sinks), not rotated, and values of the sinks as they were computed, float32. */
  readonly sinks: { readonly k: Tensor; readonly v: Tensor } | undefined;
}

/** The keys and values of one sequence, all layers. */
export class KvStore implements Disposable {
  readonly shape: KvShape;
  readonly layers: readonly KvLayer[];
  /** The rows of layers with sinks: they all have the same. */
  readonly sinkRows: KvRows | undefined;
  readonly #tensors: TensorSet;
  /** By how many steps each copy of the sinks has followed the window; undefined if it must be made anew. */
  #followed: readonly (number | undefined)[] = [0, undefined];

  /** Over memory that the caller keeps, `kvBytes(shape)` long. Its contents must be finite numbers, zeros at first. */
  constructor(shape: KvShape, memory: Memory) {
    this.shape = shape;
    this.#tensors = new TensorSet(4 * shape.layers);
    const { id } = typeNamed(shape.type);
    const tensor = (type: number, tensorShape: readonly number[], offset: number): Tensor => {
      const pointer = this.#tensors.add(type, tensorShape);
      memory.place(pointer, offset);
      return { pointer, shape: tensorShape };
    };
    const [keys, values] = [shape.keyLength * shape.kvHeads, shape.valueLength * shape.kvHeads];
    this.layers = layerPlaces(shape).map(({ rows, ...at }) => {
      const sinks = rows.window?.sinks ?? 0;
      return {
        rows,
        k: tensor(id, [keys, rows.count], at.k),
        v: tensor(id, [values, rows.count], at.v),
        sinks:
          sinks > 0
            ? { k: tensor(F32, [keys, sinks], at.sinkK), v: tensor(F32, [values, sinks], at.sinkV) }
            : undefined,
      };
    });
    this.sinkRows = this.layers.find(({ sinks }) => sinks)?.rows;
  }

  /** Of tokens start .. start + n, those that are sinks. */
  newSinks(start: number, n: number): number {
    const sinks = this.sinkRows?.window?.sinks ?? 0;
    return Math.max(0, Math.min(sinks, start + n) - start);
  }

  /** The steps by which copies of the sinks must follow the window before a pass over tokens start .. start + n. */
  toFollow(start: number, n: number): readonly number[] {
    const rows = this.sinkRows;
    if (!rows) return [];
    const steps = new Set([sinkSteps(rows, start), sinkSteps(rows, start + n - 1)]);
    // Sinks that are part of the pass store themselves.
    return [...steps].filter((step) => this.#followed[step % 2] !== step && !(step === 0 && start === 0));
  }

  /** A pass over tokens start .. start + n is over: what was to follow has. */
  followed(start: number, n: number): void {
    const followed = start === 0 ? [0, undefined] : [...this.#followed];
    for (const steps of this.toFollow(start, n)) followed[steps % 2] = steps;
    this.#followed = followed;
  }

  /** A pass has failed on the way, or other bytes were put in place: the copies must be made anew. */
  unfollow(): void {
    this.#followed = [undefined, undefined];
  }

  [Symbol.dispose](): void {
    this.#tensors[Symbol.dispose]();
  }
}

/** Zeroed memory for one sequence. Throws OUT_OF_MEMORY. */
export function kvMemory(shape: KvShape): HostMemory {
  const memory = new HostMemory(kvBytes(shape), 'keys and values');
  // Attention also multiplies what its mask hides: that must not be NaN.
  memory.clear();
  return memory;
}
