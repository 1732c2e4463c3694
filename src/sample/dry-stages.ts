import type { Pointer } from '../ggml/library.ts';
import { loadLlama } from '../ggml/llama.ts';
import type { SamplingOptions } from './sampling-options.ts';

/** Stages that are remembered. */
const mostRemembered = 4;

/** True if the options have it that repeated sequences become less likely. */
export const hasDry = ({ dryMultiplier, dryBase, dryPenaltyLastN }: SamplingOptions): boolean =>
  dryMultiplier > 0 && dryBase >= 1 && dryPenaltyLastN > 0;

/**
 * Libllama's stages against repeated sequences, for one vocabulary. Each is made once for its options, and copied: to look
 * for sequence breakers among 128k tokens takes 38 ms.
 */
export class DryStages implements Disposable {
  readonly #vocab: Pointer;
  readonly #longest: number;
  readonly #made: Map<string, Pointer> = new Map();

  /** Stages for libllama's `vocab`, and texts of at most `longest` tokens. */
  constructor(vocab: Pointer, longest: number) {
    this.#vocab = vocab;
    this.#longest = longest;
  }

  /** A stage, which the caller frees. */
  stage(options: SamplingOptions): Pointer {
    const { dryMultiplier, dryBase, dryAllowedLength, dryPenaltyLastN, drySequenceBreakers: breakers } = options;
    const llama = loadLlama();
    // It allocates as many.
    const lastN = Math.min(dryPenaltyLastN, this.#longest);
    const key = JSON.stringify([dryMultiplier, dryBase, dryAllowedLength, lastN, breakers]);
    const made =
      this.#made.get(key) ??
      llama.llama_sampler_init_dry(
        this.#vocab,
        dryMultiplier,
        dryBase,
        dryAllowedLength,
        lastN,
        breakers,
        breakers.length,
      );
    this.#made.delete(key);
    this.#made.set(key, made);
    for (const [oldest, stage] of this.#made) {
      if (this.#made.size <= mostRemembered) break;
      llama.llama_sampler_free(stage);
      this.#made.delete(oldest);
    }
    return llama.llama_sampler_clone(made);
  }

  [Symbol.dispose](): void {
    for (const stage of this.#made.values()) loadLlama().llama_sampler_free(stage);
    this.#made.clear();
  }
}
