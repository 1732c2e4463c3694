import { HostMemory } from '../ggml/host-memory.ts';
import type { SharedBytes } from '../ggml/memory.ts';

/** Memory that reads go through before their bytes are copied to where they belong, each for one read at a time. */
export class ReadBuffers implements Disposable {
  /** Bytes of a buffer. */
  readonly bytes: number;
  readonly #memory: SharedBytes & Disposable;
  readonly #free: Uint8Array[];
  readonly #waiting: ((buffer: Uint8Array) => void)[] = [];
  readonly #waitingLast: ((buffer: Uint8Array) => void)[] = [];

  /** So many buffers of `bytes`, a multiple of the page, in memory of their own by default. Throws OUT_OF_MEMORY. */
  constructor(count: number, bytes: number, memory?: SharedBytes & Disposable) {
    this.bytes = bytes;
    this.#memory = memory ?? new HostMemory(count * bytes, 'reads of experts');
    this.#free = Array.from({ length: count }, (_, i) => this.#memory.view(i * bytes, bytes));
  }

  /** Does `work` with a buffer once one is free: in the order of the calls, but if it may come last, after all others. */
  async use(work: (buffer: Uint8Array) => Promise<void>, { last }: { readonly last: boolean }): Promise<void> {
    const waiting = last ? this.#waitingLast : this.#waiting;
    const buffer = this.#free.pop() ?? (await new Promise<Uint8Array>((resolve) => waiting.push(resolve)));
    try {
      await work(buffer);
    } finally {
      const next = this.#waiting.shift() ?? this.#waitingLast.shift();
      if (next) next(buffer);
      else this.#free.push(buffer);
    }
  }

  [Symbol.dispose](): void {
    this.#memory[Symbol.dispose]();
  }
}
