import { type ChildProcess, fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { LibllamaOptions } from '../../../bench/libllama.ts';
import { last } from '../../../src/base/at.ts';
import type { LlamaSpan } from '../../../src/ggml/llama-batch.ts';

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
  #child: ChildProcess | undefined;
  #words = '';

  /** Rejects with libllama's reason; also if that was the end of its process: the next request gets another one. */
  async logits(request: ReferenceRequest): Promise<readonly Float32Array[]> {
    const child = this.#start();
    child.send(request);
    const ended = new AbortController();
    const answer = await Promise.race([
      once(child, 'message', ended).then(([message]) => message as ReferenceAnswer),
      once(child, 'exit', ended).then(([code, signal]): ReferenceAnswer => {
        this.#child = undefined;
        return { error: `libllama ended its process (${signal ?? code}): ${this.#words.trim()}` };
      }),
    ]);
    ended.abort();
    if ('error' in answer) throw new Error(answer.error);
    return answer.rows;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#child;
    if (!child) return;
    const exit = once(child, 'exit');
    child.disconnect();
    await exit;
  }

  #start(): ChildProcess {
    if (this.#child) return this.#child;
    const child = fork(fileURLToPath(new URL('reference-main.ts', import.meta.url)), {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: { ...process.env, GGML_NO_BACKTRACE: '1' },
    });
    this.#words = '';
    child.stderr?.on('data', (chunk) => {
      this.#words ||= last(`${chunk}`.trim().split('\n', 1));
    });
    this.#child = child;
    return child;
  }
}
