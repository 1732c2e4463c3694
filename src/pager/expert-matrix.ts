import { at } from '../base/at.ts';
import { alignDown } from '../base/bytes.ts';
import { Disposer } from '../base/disposer.ts';
import { allSettled } from '../base/promises.ts';
import type { Device } from '../ggml/device.ts';
import type { Pointer } from '../ggml/library.ts';
import { type Memory, sharedBytes } from '../ggml/memory.ts';
import { pageBytes } from '../ggml/system.ts';
import type { TensorSet } from '../ggml/tensor-set.ts';
import type { Extent, Weight } from '../gguf/weight.ts';
import { isReadDirectly } from '../plan/expert-slots.ts';
import { expertLength } from '../plan/routed-banks.ts';
import { pageSpanOf } from '../plan/slices.ts';
import type { ReadBuffers } from './read-buffers.ts';
import type { Reader } from './reader.ts';
import type { Uploads } from './uploads.ts';

const expertExtent = (weight: Weight, expert: number): Extent => {
  const length = expertLength(weight);
  return { file: weight.extent.file, offset: weight.extent.offset + expert * length, length };
};

/** The parts that all pools share. */
export interface ExpertPoolParts {
  readonly device: Pick<Device, 'memoryFor' | 'paddingOf'>;
  readonly reader: Pick<Reader, 'readv'>;
  readonly buffers: ReadBuffers;
  /** The way to memory of a device that is apart. */
  readonly uploads?: Uploads | undefined;
  /** A set with room for a tensor of each matrix. */
  readonly tensors: TensorSet;
}

/**
 * Slots for the experts of one matrix. They lie one after the other like the experts in the file, since kernels ask for
 * that, and begin as far into a page: so where an expert's length is a multiple of the page, its whole pages are read
 * straight into a slot, and the ends of its first and last page are copied. Other experts are copied as a whole, and those
 * of a device that is apart uploaded.
 */
export class ExpertMatrix implements Disposable {
  readonly weight: Weight;
  readonly slots: number;
  /** The slots as a weight (in, out, slots). */
  readonly tensor: Pointer;
  readonly #reader: Pick<Reader, 'readv'>;
  readonly #buffers: ReadBuffers;
  readonly #uploads: Uploads | undefined;
  readonly #owner: Disposer = new Disposer();
  readonly #memory: Memory;
  readonly #skew: number;
  readonly #last: boolean;
  readonly #length: number;

  /**
   * Makes memory for `slots`, and their tensor in `tensors`; experts of the `last` matrix of a router are read after those
   * of the others. Throws OUT_OF_MEMORY.
   */
  constructor(
    weight: Weight,
    { slots, last }: { readonly slots: number; readonly last: boolean },
    { device, reader, buffers, uploads, tensors }: ExpertPoolParts,
  ) {
    this.weight = weight;
    this.slots = slots;
    this.#last = last;
    this.#reader = reader;
    this.#buffers = buffers;
    this.#uploads = uploads;
    this.#skew = uploads ? 0 : weight.extent.offset % pageBytes;
    this.#length = expertLength(weight);
    const shape = [at(weight.shape, 0), at(weight.shape, 1), slots];
    const padding = device.paddingOf({ weight, shape });
    const memory = this.#owner.use(device.memoryFor(this.#skew + slots * this.#length + padding, 'experts'));
    this.#memory = memory;
    this.tensor = this.#owner.building(() => {
      // Kernels read the bytes behind the last slot, which have to be numbers.
      if (padding > 0) memory.clear();
      const tensor = tensors.add(weight.type.id, shape);
      memory.place(tensor, this.#skew);
      return tensor;
    });
  }

  /** Has the system give the memory now: the first use of huge pages by direct reads costs 2.4 s of CPU time a GB. */
  async touch(): Promise<void> {
    await this.#memory.shared?.clearAside();
  }

  /** The bytes of `slot`, shared. */
  view(slot: number): Uint8Array {
    return sharedBytes(this.#memory).view(this.#skew + slot * this.#length, this.#length);
  }

  /** Reads `expert` into `slot`, ahead of all that is not urgent. Rejects with READ_FAILED, FILE_CHANGED. */
  read(expert: number, slot: number): Promise<void> {
    const extent = expertExtent(this.weight, expert);
    if (this.#uploads) return this.#uploads.bring(extent, this.#memory, slot * this.#length);
    return isReadDirectly(this.#length, pageBytes) ? this.#readDirect(extent, slot) : this.#readCopied(extent, slot);
  }

  async #readDirect(extent: Extent, slot: number): Promise<void> {
    const { start, skew } = pageSpanOf(extent, pageBytes);
    const into = this.view(slot);
    const head = skew === 0 ? 0 : pageBytes - skew;
    const whole = alignDown(extent.length - head, pageBytes);
    const tail = extent.length - head - whole;
    await this.#buffers.use(
      async (buffer) => {
        const [first, last] = [buffer.subarray(0, pageBytes), buffer.subarray(pageBytes, 2 * pageBytes)];
        const parts = [first, into.subarray(head, head + whole), last];
        const [from, to] = [head > 0 ? 0 : 1, tail > 0 ? 3 : 2];
        await this.#reader.readv(extent.file, parts.slice(from, to), start);
        if (head > 0) into.set(first.subarray(skew));
        if (tail > 0) into.set(last.subarray(0, tail), head + whole);
      },
      { last: this.#last },
    );
  }

  async #readCopied(extent: Extent, slot: number): Promise<void> {
    const { start, bytes, skew } = pageSpanOf(extent, pageBytes);
    const into = this.view(slot);
    const reads: Promise<void>[] = [];
    for (let done = 0; done < bytes; done += this.#buffers.bytes) {
      const read = this.#buffers.use(
        async (buffer) => {
          const pages = buffer.subarray(0, bytes - done);
          await this.#reader.readv(extent.file, [pages], start + done);
          const begin = Math.max(0, skew - done);
          const end = Math.min(pages.length, skew + extent.length - done);
          into.set(pages.subarray(begin, end), done + begin - skew);
        },
        { last: this.#last },
      );
      reads.push(read);
    }
    await allSettled(reads);
  }

  [Symbol.dispose](): void {
    this.#owner[Symbol.dispose]();
  }
}
