import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { LibllamaOptions } from '../../../bench/libllama.ts';
import type { LlamaSpan } from '../../../src/ggml/llama-batch.ts';
import { AnsweringProcess } from '../answering-process.ts';

const program = fileURLToPath(new URL('reference-main.ts', import.meta.url));

/** Batches for plain `llama_decode`, one after the other, in one context. */
export interface ReferenceRequest {
  readonly path: string;
  readonly batches: readonly (readonly LlamaSpan[])[];
  readonly options?: Partial<LibllamaOptions>;
  /** Asks for the embedding of each span, a whole text, instead of logits. */
  readonly embeddings?: boolean;
}

/** Rows of logits in the order of the batches, or the reason why there are none. */
export type ReferenceAnswer = { readonly rows: readonly Float32Array[] } | { readonly error: string };

/** The bits of all rows, as one short text. */
export function hashOf(rows: readonly Float32Array[]): string {
  const hash = createHash('sha256');
  for (const { buffer, byteOffset, byteLength } of rows) hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  return hash.digest('hex');
}

/**
 * Logits by plain `llama_decode`, in a process of its own: libllama aborts on some models. It has 1 thread, plain
 * weights, and room for 512 tokens of 4 sequences, unless a request says otherwise.
 */
export class Reference implements AsyncDisposable {
  readonly #process: AnsweringProcess<ReferenceRequest, ReferenceAnswer> = new AnsweringProcess(program);

  /** Rejects with libllama's reason; also if that was the end of its process: the next request gets another one. */
  async logits(request: ReferenceRequest): Promise<readonly Float32Array[]> {
    const answer = await this.#process.ask(request).catch((reason: Error): ReferenceAnswer => {
      return { error: `libllama ended its process (${reason.message})` };
    });
    if ('error' in answer) throw new Error(answer.error);
    return answer.rows;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#process[Symbol.asyncDispose]();
  }
}
