import { at } from '../base/at.ts';
import { alignUp } from '../base/bytes.ts';
import { Disposer } from '../base/disposer.ts';
import type { Device } from '../ggml/device.ts';
import type { Memory } from '../ggml/memory.ts';
import { rowBytes } from '../gguf/types.ts';
import type { Weight } from '../gguf/weight.ts';
import type { Slice } from '../plan/slices.ts';

/** Memory that graphs of a model work in beside libllama's, each part made when it is first asked for. */
export class LlamaScratch implements Disposable {
  readonly #device: Device;
  readonly #slices: readonly Slice[];
  readonly #file: ReadonlyMap<string, Weight>;
  readonly #batch: number;
  readonly #owner: Disposer = new Disposer();
  readonly #rows: Map<string, LookupRows> = new Map();
  #products: Memory | undefined;

  /** Memory of a device for batches of `batch` tokens at most. */
  constructor(
    device: Device,
    { slices, file, batch }: { slices: readonly Slice[]; file: ReadonlyMap<string, Weight>; batch: number },
  ) {
    this.#device = device;
    this.#slices = slices;
    this.#file = file;
    this.#batch = batch;
  }

  /** Room for the product of any slice with a batch; the product before is lost. Throws OUT_OF_MEMORY. */
  get products(): Memory {
    this.#products ??= this.#owner.use(this.#device.memoryFor(productBytes(this.#slices, this.#batch), 'products'));
    return this.#products;
  }

  /** Room for the rows of a weight that a batch looks up. Throws OUT_OF_MEMORY. */
  rowsOf(name: string): LookupRows {
    const made = this.#rows.get(name) ?? this.#newRows(name);
    this.#rows.set(name, made);
    return made;
  }

  #newRows(name: string): LookupRows {
    const weight = this.#file.get(name);
    if (!weight) throw new RangeError(`there is no weight ${name}`);
    const numbers = lookupBytes(weight, this.#batch, this.#device);
    const memory = this.#owner.use(this.#device.memoryFor(numbers + 4 * this.#batch, 'embedding rows'));
    return { weight, memory, numbers };
  }

  [Symbol.dispose](): void {
    this.#owner[Symbol.dispose]();
  }
}

/** Memory for rows, and from byte `numbers` on for their numbers. */
export interface LookupRows {
  readonly weight: Weight;
  readonly memory: Memory;
  readonly numbers: number;
}

/**
 * Bytes of so many rows of a weight, and of the zeros behind them: CUDA's kernels read rows of whole blocks of 512 elements.
 * Numbers of 4 bytes may follow: devices read none that lies between their multiples.
 */
export function lookupBytes(weight: Weight, rows: number, device: Pick<Device, 'paddingOf'>): number {
  const width = at(weight.shape, 0);
  return alignUp(rows * rowBytes(weight.type, width) + device.paddingOf({ weight, shape: [width, rows] }), 4);
}

/** Bytes of the largest product of a slice, float32. */
export const productBytes = (slices: readonly Slice[], batch: number): number =>
  4 * batch * slices.reduce((rows, { shape }) => Math.max(rows, at(shape, shape.length > 1 ? 1 : 0)), 0);
