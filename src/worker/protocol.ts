import type { SerializedError } from '../base/serialized-error.ts';
import type { Conversation } from '../chat/message.ts';
import type { EngineState, EngineTotals } from '../engine/engine-totals.ts';
import type { DeviceKind } from '../ggml/device.ts';
import type { Embeddings } from '../model/embedding.ts';
import type { EngineStatus } from '../model/engine-status.ts';
import type { ModelSettings } from '../model/model-options.ts';
import type { PlanChanges } from '../model/opened-model.ts';
import type { WhatIf } from '../model/what-if.ts';
import type { Delta, EmbeddingRequest, Ending, GenerationRequest, PrefillProgress } from './backend.ts';

/** Options to start an engine with. */
export interface EngineStart {
  readonly path: string;
  readonly settings: ModelSettings;
  /** Whether the engine shall report its events. */
  readonly debug: boolean;
  /** The CPU variant of ggml that computes; undefined: the one that suits the processor best. */
  readonly cpuVariant: string | undefined;
}

/** Orders from the server to an engine. A `call` is answered by a `result` or a `failure` of the same number. */
export type EngineOrder =
  | { readonly kind: 'start'; readonly start: EngineStart }
  | { readonly kind: 'generate'; readonly id: number; readonly request: GenerationRequest }
  | { readonly kind: 'cancel'; readonly id: number }
  | { readonly kind: 'call'; readonly id: number; readonly call: EngineCall }
  | { readonly kind: 'close' };

export type EngineCall =
  | { readonly name: 'load' }
  /** Plans for a context; fails as starting with it would. */
  | { readonly name: 'plan'; readonly context: number }
  /** Plans with other options. */
  | { readonly name: 'whatIf'; readonly changes: PlanChanges }
  /** Tells of the engine, and records its next passes. */
  | { readonly name: 'status' }
  /** Tokenizes the begin of `text`, which is all of a text or longer than a part. */
  | {
      readonly name: 'tokenize';
      readonly text: string;
      readonly special: boolean;
      readonly bos: boolean;
      readonly first: boolean;
    }
  /** Embeds texts; `cancel` ends it. */
  | { readonly name: 'embed'; readonly request: EmbeddingRequest }
  /** Turns tokens into text, as bytes. */
  | { readonly name: 'detokenize'; readonly tokens: readonly number[] }
  /** Gives the bytes of each token. */
  | { readonly name: 'pieces'; readonly tokens: readonly number[] }
  /** Counts the tokens of a conversation. */
  | { readonly name: 'count'; readonly conversation: Conversation }
  | { readonly name: 'template'; readonly conversation: Conversation };

/** Results of the calls. */
export interface EngineResults {
  readonly load: undefined;
  readonly plan: undefined;
  readonly whatIf: WhatIf;
  readonly status: EngineStatus;
  readonly embed: Embeddings;
  readonly tokenize: TokenizedPart;
  readonly detokenize: Uint8Array;
  readonly pieces: readonly Uint8Array[];
  readonly count: number;
  readonly template: string;
}

/** The tokens of the first part of a text, and its UTF-16 units. */
export interface TokenizedPart {
  readonly tokens: readonly number[];
  readonly units: number;
}

/** Facts about a running engine. */
export interface EngineFacts {
  /** Bytes that the plan takes, and those of them in memory that a GPU computes in. */
  readonly memory: number;
  readonly gpuMemory: number;
  readonly device: { readonly kind: DeviceKind; readonly name: string };
  readonly context: number;
  readonly parallel: number;
  /** The most bytes of a token. */
  readonly longestToken: number;
}

/** The ending of an answer, as far as the engine knows it. */
export type EngineEnding = Omit<Ending, 'loadSeconds' | 'totalSeconds'>;

/** Reports from an engine. Each carries the counts so far. */
export type EngineReport = { readonly stats: EngineStats } & (
  | { readonly kind: 'started'; readonly facts: EngineFacts }
  /** The engine cannot start. */
  | { readonly kind: 'refused'; readonly failure: SerializedError }
  | {
      readonly kind: 'accepted';
      readonly id: number;
      readonly promptTokens: number;
      readonly warnings?: readonly string[] | undefined;
    }
  | ({ readonly kind: 'delta'; readonly id: number } & Delta)
  | { readonly kind: 'progress'; readonly id: number; readonly progress: PrefillProgress }
  | { readonly kind: 'ended'; readonly id: number; readonly ending: EngineEnding | undefined }
  | { readonly kind: 'result'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly failure: SerializedError }
  /** A failure that nobody waits for. */
  | { readonly kind: 'warning'; readonly reason: string }
  | { readonly kind: 'event'; readonly event: string; readonly facts: object }
  /** Nothing may be reported for as long: a driver is tried, or compiles. */
  | { readonly kind: 'silence'; readonly seconds: number }
  | { readonly kind: 'stats' }
);

/** A report without the counts. */
export type ReportBody<R extends EngineReport = EngineReport> = R extends EngineReport ? Omit<R, 'stats'> : never;

/** Totals since the engine began, and the present state. */
export interface EngineStats {
  readonly sums: EngineTotals;
  readonly state: EngineState;
}
