import type { Debug } from '../base/debug.ts';
import type { RopeOptions } from '../model/rope.ts';
import type { KvOptions } from '../plan/kv-choice.ts';
import type { Plan } from '../plan/plan.ts';
import type { Residency } from '../plan/residency.ts';
import type { GivenSampling } from '../sample/options.ts';
import type { ReadAt, Reading } from '../stream/reader.ts';
import type { DraftOptions } from './drafter.ts';
import type { Kernels } from './planner.ts';
import type { PromptProgress } from './sequence.ts';

export interface ModelOptions {
  /** Bytes that the whole process may take, no more than there are. Left out: most of what is free. */
  readonly memoryBudget?: number | undefined;
  /** Tokens of prompt and answer together. Left out, it is chosen when the weights are loaded. */
  readonly context?: number | undefined;
  /** What is kept of texts, and how. */
  readonly kv?: KvOptions | undefined;
  /** Told what is worth knowing, though nothing is wrong. */
  readonly warn?: ((reason: Error) => void) | undefined;
  /** Told of what the engine does: files, plans, passes, guesses. */
  readonly debug?: Debug | undefined;
  /** How positions are rotated; of a draft model, as its own metadata say. Left out: as the metadata say. */
  readonly rope?: RopeOptions | undefined;
  /** Sequences that are computed together at most, sharing each pass over the weights. Left out: one. */
  readonly parallel?: number | 'auto' | undefined;
  /** Guesses at what comes next, so that a pass may yield several tokens. Left out: none. */
  readonly draft?: DraftOptions | undefined;
  /** What is kept of prompts whose sequences have ended: keys and values. Left out: what the last ones left. */
  readonly promptCache?: PromptCacheOptions | undefined;
  /** Threads that share each operation, no more than there are cores for. Left out: one for each. */
  readonly threads?: number | undefined;
  /** `auto` uses the fastest kernels of this machine, `plain` those whose results are the same at every budget. */
  readonly kernels?: Kernels | undefined;
  /** Threads of libuv's pool (UV_THREADPOOL_SIZE when the process began). One computes, the others read. */
  readonly ioThreads?: number | undefined;
  /** How to read from the model's device, if that was measured. */
  readonly reading?: Reading | undefined;
  /** For comparing: another way to choose what stays resident. */
  readonly residency?: Residency | undefined;
  /** For tests: bytes of the budget that the process takes by itself. Left out, it is measured. */
  readonly runtimeBytes?: number | undefined;
  /** For tests: what reads. */
  readonly readAt?: ReadAt | undefined;
}

export interface PromptCacheOptions {
  /** Bytes of the memory budget. */
  readonly bytes: number | 'auto';
  /** Where it outlives the process; left out, nowhere. */
  readonly folder?: string | undefined;
  /** Bytes that the folder may hold, those of other models included; left out, 8 GiB. */
  readonly folderBytes?: number | undefined;
  /** Told what is wrong with the folder; nothing else happens then. */
  readonly warn?: ((reason: Error) => void) | undefined;
}

export interface GenerateOptions extends GivenSampling {
  /** Tokens of the answer; left out, as many as the context holds. */
  readonly maxTokens?: number | undefined;
  /** Tokens that prompt and answer may take together, if fewer than the context. */
  readonly longest?: number | undefined;
  /** Gives the log-probability of each token, and of this many likeliest ones. */
  readonly logprobs?: number | undefined;
  /** Added to the logits of tokens. */
  readonly bias?: ReadonlyMap<number, number> | undefined;
  /** Goes on after tokens that end a text, up to `maxTokens`: for measuring. */
  readonly ignoreEnd?: boolean | undefined;
  /** Texts that end the answer; they are not part of it. */
  readonly stop?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
  /** What the budget is spent on, if no weights are loaded yet; left out, it is chosen. */
  readonly plan?: Plan | undefined;
  /** Called if residents are loaded before the prompt: see `Model.load`. */
  readonly onLoad?: LoadProgress['onProgress'];
  /** Called as the prompt is processed. */
  readonly onPrompt?: ((progress: PromptProgress) => void) | undefined;
}

export interface LoadProgress {
  /** Called with the bytes of resident weights loaded, and all of them. */
  readonly onProgress?: ((loaded: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}
