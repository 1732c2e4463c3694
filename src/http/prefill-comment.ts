import type { Delta, PrefillProgress } from '../worker/backend.ts';

/** Progress through a prompt as llama-server's clients read it. */
export const promptProgress = ({ tokens, total, cached, seconds }: PrefillProgress): object => ({
  total,
  cache: cached,
  processed: tokens,
  time_ms: Math.round(seconds * 1000),
});

/** The comment that a stream's silence is broken with: how far the model is with the prompt, once that is known. */
export class PrefillComment {
  #text = 'ping';

  get text(): string {
    return this.#text;
  }

  read({ progress }: Delta): void {
    if (progress) this.#text = `prompt ${progress.tokens}/${progress.total}`;
  }
}
