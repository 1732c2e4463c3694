import type { ErrorCode } from '../../base/error-table.ts';
import { EngineError } from '../../base/errors.ts';
import type { EngineState, EngineTotals } from '../../engine/engine-totals.ts';
import type { ModelSettings } from '../../engine/model-options.ts';
import type { Message } from '../../text/chat-template.ts';
import type { Ending, GenerationRequest, TokenLogprob } from '../backend.ts';

/** How an engine is started. */
export interface EngineStart {
  readonly path: string;
  readonly settings: ModelSettings;
  /** Whether the engine is to report what it does. */
  readonly debug: boolean;
  /** Which of ggml's CPU variants computes; undefined: the one that suits the processor best. */
  readonly cpuVariant: string | undefined;
}

/** What the server says to an engine. A `call` is answered by a `result` or a `failure` of the same number. */
export type EngineOrder =
  | { readonly kind: 'start'; readonly start: EngineStart }
  | { readonly kind: 'generate'; readonly id: number; readonly request: GenerationRequest }
  | { readonly kind: 'cancel'; readonly id: number }
  | { readonly kind: 'call'; readonly id: number; readonly call: EngineCall }
  | { readonly kind: 'close' };

export type EngineCall =
  | { readonly name: 'load' }
  /** Fails as starting with this context would. */
  | { readonly name: 'plan'; readonly context: number }
  /** Answered with a `TokenizedPart`: of the text, which is all that is left or longer than a part. */
  | {
      readonly name: 'tokenize';
      readonly text: string;
      readonly special: boolean;
      readonly bos: boolean;
      readonly first: boolean;
    }
  /** Answered with bytes. */
  | { readonly name: 'detokenize'; readonly tokens: readonly number[] }
  | { readonly name: 'template'; readonly messages: readonly Message[] };

/** The tokens of the first part of a text, and the UTF-16 units that it has. */
export interface TokenizedPart {
  readonly tokens: readonly number[];
  readonly units: number;
}

/** What an engine that runs is like. */
export interface EngineFacts {
  /** Bytes of its memory budget. */
  readonly memory: number;
  readonly context: number;
  readonly parallel: number;
  /** Bytes that a token stands for at most. */
  readonly longestToken: number;
}

/** What an answer took, as far as the engine knows. */
export type EngineEnding = Omit<Ending, 'loadSeconds' | 'totalSeconds'>;

/** What an engine says. Every report carries what it has counted so far. */
export type EngineReport = { readonly stats: EngineStats } & (
  | { readonly kind: 'started'; readonly facts: EngineFacts }
  /** It cannot start. */
  | { readonly kind: 'refused'; readonly failure: SerializedError }
  | { readonly kind: 'accepted'; readonly id: number; readonly promptTokens: number }
  | { readonly kind: 'delta'; readonly id: number; readonly text: string; readonly logprobs: readonly TokenLogprob[] }
  | { readonly kind: 'ended'; readonly id: number; readonly ending: EngineEnding | undefined }
  | { readonly kind: 'result'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly failure: SerializedError }
  /** Something went wrong that nobody waits for. */
  | { readonly kind: 'warning'; readonly reason: string }
  | { readonly kind: 'event'; readonly event: string; readonly facts: object }
  | { readonly kind: 'stats' }
);

/** A report without what was counted. */
export type ReportBody<R extends EngineReport = EngineReport> = R extends EngineReport ? Omit<R, 'stats'> : never;

/** Sums since the engine began, and how things stand. */
export interface EngineStats {
  readonly sums: EngineTotals;
  readonly state: EngineState;
}

/** An error on its way between processes. */
export type SerializedError =
  | { readonly code: ErrorCode; readonly details: unknown }
  | { readonly code: undefined; readonly message: string };

export const serializeError = (error: unknown): SerializedError =>
  error instanceof EngineError
    ? { code: error.code, details: error.details }
    : { code: undefined, message: (error as Error).stack ?? String(error) };

export const deserializeError = (failure: SerializedError): Error =>
  failure.code === undefined
    ? new Error(failure.message)
    : new EngineError(failure.code, failure.details as EngineError['details']);
