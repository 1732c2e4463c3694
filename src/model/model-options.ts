import type { RopeOptions } from '../arch/rope.ts';
import type { Debug } from '../base/log.ts';
import type { DraftOptions } from '../engine/draft/drafter.ts';
import type { PromptProgress } from '../engine/sequence.ts';
import type { GrammarSource } from '../grammar/source.ts';
import type { Calibration } from '../pager/calibrate.ts';
import type { ReadAt, ReadSettings } from '../pager/reader.ts';
import type { KvOptions } from '../plan/kv-options.ts';
import type { Residency } from '../plan/residency.ts';
import type { AdapterScale, LoraOption } from '../runtime/lora-adapters.ts';
import type { GraphChoice } from '../runtime/model-outline.ts';
import type { DeviceChoice } from '../runtime/open-device.ts';
import type { Kernels } from '../runtime/planner.ts';
import type { PartialSamplingOptions } from '../sample/sampling-options.ts';
import type { Preset } from './preset.ts';

/**
 * Options of a model that are plain data, which can be sent to another process.
 *
 * @example const settings: ModelSettings = { memoryBudget: 8 * 2 ** 30, kernels: 'plain' };
 */
export interface ModelSettings {
  /** Bytes that the whole process may take, no more than there are. Default: most of what is free. */
  readonly memoryBudget?: number | undefined;
  /** Tokens of prompt and answer together. Default: chosen when the weights are loaded. */
  readonly context?: number | undefined;
  /** Form and home of keys and values. */
  readonly kv?: KvOptions | undefined;
  /** Rotation of positions; a draft model's own metadata say how it rotates. Default: as the metadata say. */
  readonly rope?: RopeOptions | undefined;
  /** Builders of the model's graphs. Default: auto, our own for the families that have some, else libllama. */
  readonly graphs?: GraphChoice | undefined;
  /** LoRA adapters, all of which are applied, beside those of the preset. Default: none. */
  readonly loras?: readonly LoraOption[] | undefined;
  /** Source of a chat template, Jinja as Hugging Face writes it, in place of the model's own. */
  readonly chatTemplate?: string | undefined;
  /** Whether the model thinks first, or how much, where a conversation does not say; default: as its template has it. */
  readonly think?: boolean | string | undefined;
  /** Tokens of thoughts where a request does not say; default: as many as it likes. */
  readonly thinkBudget?: number | undefined;
  /** Settings that come with the model beside its file. */
  readonly preset?: Preset | undefined;
  /** A folder that remembers which models libllama was tried with, in another process; default: each one tries anew. */
  readonly trialFolder?: string | undefined;
  /** A folder that remembers what runs have shown of a model: its speeds, and how it uses its experts; default: none. */
  readonly measuredFolder?: string | undefined;
  /** Bytes of memory for experts, at least one of each layer; default: what the other weights leave. */
  readonly expertCache?: number | undefined;
  /** Sequences that are computed together at most, sharing each pass over the weights. Default: one. */
  readonly parallel?: number | 'auto' | undefined;
  /** Drafts of the next tokens, so that a pass may yield several. Default: none. */
  readonly draft?: DraftOptions | undefined;
  /**
   * Copies of the keys and values of prompts whose sequences have ended. Default: only what the last ones left in their
   * caches.
   */
  readonly promptCache?: PromptCacheSettings | undefined;
  /** The device that computes. Default: auto, Metal or a card where the model gains by it, else the CPU. */
  readonly device?: DeviceChoice | undefined;
  /** Bytes of a card's own memory that may be taken. Default: most of what is free there. */
  readonly gpuMemory?: number | undefined;
  /** Threads that share each operation, no more than there are cores for. Default: one for each core. */
  readonly threads?: number | undefined;
  /** Kernels: `auto` uses the fastest of this machine, `plain` those whose results are the same at every budget. */
  readonly kernels?: Kernels | undefined;
  /** Threads of libuv's pool (UV_THREADPOOL_SIZE when the process began). One computes, the others read. */
  readonly ioThreads?: number | undefined;
  /** The best way to read from the model's device, and the best rate of it, if these were measured. @internal */
  readonly reading?: (ReadSettings & Partial<Pick<Calibration, 'bytesPerSecond' | 'costs'>>) | undefined;
}

/**
 * Options of `Model.open`.
 *
 * @example const options: ModelOptions = { memoryBudget: 8 * 2 ** 30, warn: ({ message }) => console.warn(message) };
 */
export interface ModelOptions extends ModelSettings {
  readonly promptCache?: PromptCacheOptions | undefined;
  /** Hears of things worth knowing, though nothing is wrong. */
  readonly warn?: ((reason: Error) => void) | undefined;
  /** Hears of the engine's work: files, plans, passes, drafts. @internal */
  readonly debug?: Debug | undefined;
  /** Another way to choose residents, for comparisons. @internal */
  readonly residency?: Residency | undefined;
  /** Bytes of the budget that the process takes by itself, for tests. Default: measured. @internal */
  readonly runtimeBytes?: number | undefined;
  /** The function that reads, for tests. @internal */
  readonly readAt?: ReadAt | undefined;
}

/**
 * Places for the keys and values of earlier prompts.
 *
 * @example const promptCache: PromptCacheSettings = { bytes: 'auto' };
 */
export interface PromptCacheSettings {
  /** Bytes of the memory budget. */
  readonly bytes: number | 'auto';
  /** Folder in which prompts outlive the process; default: none. */
  readonly folder?: string | undefined;
  /** Bytes that the folder may hold, those of other models included; default 8 GiB. */
  readonly folderBytes?: number | undefined;
}

/**
 * Places for the keys and values of earlier prompts, and a listener for trouble with them.
 *
 * @example const promptCache: PromptCacheOptions = { bytes: 64 * 2 ** 20, folder: '/var/cache/prompts' };
 */
export interface PromptCacheOptions extends PromptCacheSettings {
  /** Hears of trouble with the folder, which has no other effect. Default: the model's `warn`. */
  readonly warn?: ((reason: Error) => void) | undefined;
}

/**
 * Options of one answer.
 *
 * @example const options: GenerateOptions = { maxTokens: 100, temperature: 0, stop: ['\n\n'] };
 */
export interface GenerateOptions extends PartialSamplingOptions {
  /** Tokens of the answer; default: as many as the context holds. */
  readonly maxTokens?: number | undefined;
  /** Scales of the model's LoRA adapters, 0 for those left out; default: those that it was opened with. */
  readonly loras?: readonly AdapterScale[] | undefined;
  /** Tokens of the model's thoughts, which then end; default: as many as it likes. */
  readonly thinkBudget?: number | undefined;
  /** Tokens that prompt and answer may take together, if fewer than the context. */
  readonly longest?: number | undefined;
  /** Asks for the log-probability of each token, and of this many likeliest ones. */
  readonly logprobs?: number | undefined;
  /** Whether these are those that the token was drawn by, after sampling, instead of the model's own. */
  readonly afterSampling?: boolean | undefined;
  /** Amounts added to the logits of tokens. */
  readonly bias?: ReadonlyMap<number, number> | undefined;
  /** The texts that the answer may be; default: any. */
  readonly grammar?: GrammarSource | undefined;
  /** Goes on after tokens that end a text, up to `maxTokens`: for measuring. */
  readonly ignoreEnd?: boolean | undefined;
  /** Texts that end the answer; they are not part of it. */
  readonly stop?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called if residents are loaded before the prompt: see `Model.load`. */
  readonly onLoad?: LoadProgress['onProgress'];
  /** Called as the prompt is processed. */
  readonly onPrompt?: ((progress: PromptProgress) => void) | undefined;
}

/**
 * A listener to loading, and its signal.
 *
 * @example const progress: LoadProgress = { signal: AbortSignal.timeout(60_000) };
 */
export interface LoadProgress {
  /** Called with the bytes of resident weights loaded, and all of them. */
  readonly onProgress?: ((loaded: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}
