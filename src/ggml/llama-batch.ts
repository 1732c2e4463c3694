import type { Fields } from './llama-structs.ts';
import { NativeArray } from './native-array.ts';

/** Consecutive tokens of one sequence, of which those before `start` are stored. */
export interface LlamaSpan {
  /** The number of the sequence, below the context's `sequences`. */
  readonly sequence: number;
  readonly start: number;
  readonly tokens: readonly number[];
  /** The number of last tokens whose logits are wanted. */
  readonly outputs: number;
  /** Scales of the model's adapters, the same ones for all spans of a batch; default: those of the context. */
  readonly scales?: readonly number[] | undefined;
}

/** The arrays of a batch, which libllama reads. */
export class BatchArrays implements Disposable {
  readonly #tokens: NativeArray;
  readonly #positions: NativeArray;
  readonly #counts: NativeArray;
  /** For each token the address of its sequence's number. */
  readonly #sequences: NativeArray;
  readonly #numbers: NativeArray;
  readonly #outputs: NativeArray;

  /** Arrays for `batch` tokens of `sequences` sequences at most. */
  constructor({ batch, sequences }: { readonly batch: number; readonly sequences: number }) {
    this.#tokens = new NativeArray(4 * batch);
    this.#positions = new NativeArray(4 * batch);
    this.#counts = new NativeArray(4 * batch);
    this.#sequences = new NativeArray(8 * batch);
    this.#numbers = new NativeArray(4 * sequences);
    this.#outputs = new NativeArray(batch);
    this.#counts.int32.fill(1);
    for (let i = 0; i < sequences; i += 1) this.#numbers.int32[i] = i;
  }

  /** C's `struct llama_batch` of these spans. */
  fill(spans: readonly LlamaSpan[]): Fields {
    const pointers = new BigUint64Array(this.#sequences.bytes.buffer);
    let i = 0;
    for (const { sequence, start, tokens, outputs } of spans) {
      const number = this.#numbers.address + BigInt(4 * sequence);
      for (const [k, token] of tokens.entries()) {
        if (i === this.#counts.int32.length) throw new RangeError(`a batch of more than ${i} tokens`);
        this.#tokens.int32[i] = token;
        this.#positions.int32[i] = start + k;
        pointers[i] = number;
        this.#outputs.bytes[i] = k >= tokens.length - outputs ? 1 : 0;
        i += 1;
      }
    }
    return {
      n_tokens: i,
      token: this.#tokens.address,
      embd: null,
      pos: this.#positions.address,
      n_seq_id: this.#counts.address,
      seq_id: this.#sequences.address,
      logits: this.#outputs.address,
    };
  }

  [Symbol.dispose](): void {
    for (const array of [this.#tokens, this.#positions, this.#counts, this.#sequences, this.#numbers, this.#outputs])
      array[Symbol.dispose]();
  }
}
