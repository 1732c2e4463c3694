import type { AnswerPart } from '../chat/answer-part.ts';
import type { ChatPrompt, Conversation } from '../chat/message.ts';
import type { GrammarSource } from '../grammar/source.ts';
import type { ServedModel } from '../library/model-card.ts';
import type { Infill } from '../model/infill-prompt.ts';
import type { PlanChanges } from '../model/opened-model.ts';
import type { WhatIf } from '../model/what-if.ts';
import type { AdapterScale } from '../runtime/lora-adapters.ts';
import type { PartialSamplingOptions } from '../sample/sampling-options.ts';
import type { ManifestLayer } from '../stores/manifest.ts';
import type { OwnStore } from '../stores/own-store.ts';
import type { EnginesStatus } from './server-status.ts';

/**
 * Health of the engine side: `loading` while an engine starts, `stalled` when one has given no sign of life for a
 * while.
 */
export type Health = 'ok' | 'loading' | 'stalled';

/** A model whose engine runs. */
export interface LoadedModel {
  readonly model: ServedModel;
  /** The time at which it will be unloaded if nobody asks; undefined if never. */
  readonly expires: Date | undefined;
  /** Bytes that it takes, and those of them in memory that a GPU computes in. */
  readonly memory: number;
  readonly gpuMemory: number;
  /** Tokens of prompt and answer together. */
  readonly context: number;
  /** Sequences that can be computed together, and those that are. */
  readonly parallel: number;
  readonly active: number;
}

/** A LoRA adapter of a model; `id` counts them from 0. */
export interface Adapter extends AdapterScale {
  /** The name of its file. */
  readonly name: string;
}

/** Places for the sequences of a model. */
export interface Places {
  /** Sequences that are computed together. */
  readonly parallel: number;
  /** Tokens of each. */
  readonly context: number;
  /** Sequences that are being computed. */
  readonly active: number;
}

/** The text that the model continues. Names of control tokens in a `special` text are read as these tokens. */
export type Prompt =
  | { readonly kind: 'text'; readonly text: string; readonly special: boolean }
  | ({ readonly kind: 'chat' } & Conversation)
  | ({ readonly kind: 'infill' } & Infill)
  | { readonly kind: 'tokens'; readonly tokens: readonly number[] };

/** A request for one answer, whichever API it came through. */
export interface GenerationRequest {
  readonly prompt: Prompt;
  /** Tokens that come before the prompt: Ollama's `context`. */
  readonly before?: readonly number[] | undefined;
  readonly sampling: PartialSamplingOptions;
  /** Amounts added to logits, by token. */
  readonly logitBias?: Readonly<Record<number, number>> | undefined;
  /** Tokens of the answer; default: as many as the context holds. */
  readonly maxTokens?: number | undefined;
  /** Tokens of the model's thoughts, which then end; default: as many as it likes. */
  readonly thinkBudget?: number | undefined;
  readonly stop: readonly string[];
  /** The texts that the answer may be; default: any. */
  readonly grammar?: GrammarSource | undefined;
  /** Asks for the log-probability of each token, and of this many likeliest ones; default: none. */
  readonly logprobs?: number | undefined;
  /** Whether these are those that the token was drawn by, after sampling; impossible tokens are left out then. */
  readonly afterSampling?: boolean | undefined;
  /** Tokens that prompt and answer may take together, if fewer than the engine's context. */
  readonly context?: number | undefined;
  /** Drops the oldest messages (of a text the first tokens) if the prompt is longer than the context. */
  readonly truncate?: boolean | undefined;
  /** Scales of the model's LoRA adapters, 0 for those left out; default: those of the server. */
  readonly loras?: readonly AdapterScale[] | undefined;
  /** Goes on behind a token that ends the answer. */
  readonly ignoreEnd?: boolean | undefined;
  /** Asks for progress through the prompt. */
  readonly progress?: boolean | undefined;
  /** Asks for all tokens in the ending. */
  readonly tokens?: boolean | undefined;
}

/** A token with its log-probability: before sampling changed anything, or after, as the request asks. */
export interface TokenLogprob {
  readonly token: number;
  /** The token's text; bytes that are no whole character become U+FFFD. */
  readonly text: string;
  readonly bytes: readonly number[];
  readonly logprob: number;
  readonly top: readonly Omit<TokenLogprob, 'top'>[];
}

/**
 * A part of the answer: whole characters, nothing of a stop text. The text may be empty where only log-probabilities,
 * thoughts or calls came.
 */
export interface Delta extends AnswerPart {
  readonly logprobs: readonly TokenLogprob[];
  /** The token that completed it; undefined for what was held back until the end. */
  readonly token?: number | undefined;
  /** Tokens of the answer so far; undefined where none has come. */
  readonly answerTokens?: number | undefined;
  /** Progress through the prompt, if asked for: nothing else came then. */
  readonly progress?: PrefillProgress | undefined;
}

/** Tokens of a prompt that are stored so far, of `total`; `cached` of them were from the beginning. */
export interface PrefillProgress {
  readonly tokens: number;
  readonly total: number;
  readonly cached: number;
  /** Seconds since the first report. */
  readonly seconds: number;
}

export const isEmpty = ({ text, thinking, toolCalls, logprobs }: Delta): boolean =>
  text === '' && !thinking && !toolCalls && logprobs.length === 0;

/** The end of an answer, and its cost. Durations are seconds. */
export interface Ending {
  readonly reason: 'stop' | 'length' | 'toolCalls';
  readonly promptTokens: number;
  /** Prompt tokens whose keys and values were found in the prefix cache. */
  readonly cachedTokens: number;
  readonly answerTokens: number;
  /** Tokens of the answer that the model thought. */
  readonly thoughtTokens: number;
  /** The stop text that ended the answer, if one did. */
  readonly stopText?: string | undefined;
  readonly promptSeconds: number;
  readonly answerSeconds: number;
  /** Until the engine was there: of waiting for others to leave theirs, and of starting it. */
  readonly loadSeconds: number;
  readonly totalSeconds: number;
  /** All tokens of prompt and answer, if asked for, which `before` continues. */
  readonly tokens?: readonly number[] | undefined;
}

/** An answer under way. Iterating rejects with the EngineError that ended it. Leaving the iteration cancels it. */
export interface Answer extends AsyncIterable<Delta> {
  readonly promptTokens: number;
  /** Reasons for which the model sees the prompt otherwise than it was given. */
  readonly warnings: readonly string[];
  /** The ending; undefined until the iteration has ended. */
  readonly ending: Ending | undefined;
}

export interface GenerationCallOptions {
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
  /** Seconds that the model stays loaded after the answer; Infinity is forever; default: the server's setting. */
  readonly keepAlive?: number | undefined;
}

/** A request for the embeddings of texts, each a text or its tokens. */
export interface EmbeddingRequest {
  readonly inputs: readonly (string | readonly number[])[];
  /** Scores each input by how well it answers this query, instead: a vector of one element. */
  readonly query?: string | undefined;
  /** Leaves out the end of a text that is longer than the context. */
  readonly truncate: boolean;
  /** The first so many elements of each embedding; default: all. */
  readonly dimensions?: number | undefined;
  /** Tokens that a text may have, if fewer than the engine's context. */
  readonly context?: number | undefined;
  /** Scales of the model's LoRA adapters, 0 for those left out; default: those of the server. */
  readonly loras?: readonly AdapterScale[] | undefined;
}

/** Embeddings of the next inputs of a request, in order. */
export interface EmbeddedInputs {
  /** Each of length 1; a score for a query as it is. */
  readonly vectors: readonly Float32Array[];
  /** The number of their tokens. */
  readonly tokens: number;
  /** Seconds of starting the engine, if the request had to wait for it. */
  readonly loadSeconds: number;
}

/** Models and engines, as the HTTP side sees them. */
export interface Backend {
  /** Models that can be asked for, by name. Reads the folder anew. */
  models(): readonly ServedModel[];
  /**
   * A model by any of its names, upper or lower case, with or without ":latest"; a `full` one has its tag. Never a path.
   * Throws MODEL_AMBIGUOUS.
   */
  find(name: string, options?: { readonly full?: boolean }): ServedModel | undefined;
  /** The store for models that clients make or pull; undefined where only models are served that were named. */
  store(): OwnStore | undefined;
  /** Models whose engines run. */
  loaded(): readonly LoadedModel[];
  /** The places of a model; before its engine runs, those that are expected. */
  places(model: ServedModel): Places;
  /** The LoRA adapters of models, with the scales that requests have which say nothing. `set` throws BAD_OPTION. */
  readonly adapters: {
    of(model: ServedModel): readonly Adapter[];
    set(model: ServedModel, scales: readonly AdapterScale[]): void;
  };
  /**
   * Resolves when the request has been found valid and has its place in the queue: before any computing, after loading.
   * Rejects with BAD_OPTION, BAD_GRAMMAR, NO_PROMPT, CONTEXT_TOO_LONG, TEMPLATE_FAILED, SERVER_BUSY, ENGINE_DIED, and the errors of
   * loading.
   */
  generate(model: ServedModel, generate: GenerationRequest, options: GenerationCallOptions): Promise<Answer>;
  /**
   * The embeddings of a request's inputs, part by part, as they are asked for. Rejects with NO_PROMPT, BAD_OPTION,
   * NOT_FOR_EMBEDDINGS, NOT_FOR_RANKING, CONTEXT_TOO_LONG, SERVER_BUSY, ENGINE_DIED, and the errors of loading.
   */
  embed(
    model: ServedModel,
    request: EmbeddingRequest,
    options: GenerationCallOptions,
  ): AsyncGenerator<EmbeddedInputs, void, void>;
  /**
   * Starts the model's engine if it does not run. Returns the seconds that this took. Rejects with the errors of
   * loading.
   */
  load(model: ServedModel, keepAlive?: number): Promise<number>;
  /** Ends the model's engine when its answers have ended. */
  unload(model: ServedModel): Promise<void>;
  /** The parts of a model, as one that is made of it has them. Throws UNWRITABLE. */
  layersOf(model: ServedModel): readonly ManifestLayer[];
  /** Deletes the model's files. Rejects with UNWRITABLE; BAD_OPTION if they do not lie in the models folder. */
  remove(model: ServedModel): Promise<void>;
  /** The tokens of a text, part by part, as they are asked for. Rejects with the errors of loading. */
  tokenize(
    model: ServedModel,
    text: string,
    options: { special: boolean; bos: boolean },
  ): AsyncGenerator<readonly number[], void, void>;
  /** The text of tokens, part by part, as it is asked for. Rejects with the errors of loading. */
  detokenize(model: ServedModel, tokens: readonly number[]): AsyncGenerator<string, void, void>;
  /** The bytes of each token. Rejects with the errors of loading. */
  pieces(model: ServedModel, tokens: readonly number[]): Promise<readonly Uint8Array[]>;
  /** The number of a conversation's tokens. Rejects with TEMPLATE_FAILED, CONTEXT_TOO_LONG, the errors of loading. */
  countTokens(model: ServedModel, prompt: ChatPrompt): Promise<number>;
  /** A conversation through the model's template. Rejects with TEMPLATE_FAILED. */
  applyTemplate(model: ServedModel, prompt: ChatPrompt): Promise<string>;
  /** Figures of all engines since the server began. */
  metrics(): Promise<readonly Metric[]>;
  /** The state of the engine and those figures at one moment; asked often, the same one for a fifth of a second. */
  status(): Promise<EnginesStatus>;
  /** A plan of the model with other options. Rejects with BAD_OPTION, CONTEXT_BEYOND_MODEL, the errors of loading. */
  whatIf(model: ServedModel, changes: PlanChanges): Promise<WhatIf>;
}

/** One figure for Prometheus. */
export interface Metric {
  /** Name: "ssdllm_tokens_generated_total". */
  readonly name: string;
  readonly kind: 'counter' | 'gauge';
  readonly help: string;
  readonly values: readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];
}
