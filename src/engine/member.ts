import type { Span } from '../exec/span.ts';
import type { GraphOutput } from '../ggml/graph-output.ts';
import type { LoadOptions } from '../pager/residents.ts';
import type { TokenCounts } from '../runtime/plan-choices.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { SequenceCache } from '../state/sequence-cache.ts';
import type { ReadonlyTokens } from '../text/token-list.ts';

/** The result after token `index` of a span: of a span that wants the last one only, after its last token. */
export type ResultAfter = (index: number) => Float32Array;

/** A text that takes part in passes: an answer that is being made, or one that is embedded. */
export interface Member {
  /** The results that it wants of each pass. */
  readonly output: GraphOutput;
  /** The tokens of the next pass whose results it wants. */
  readonly wanted: Span['logits'];
  /** Tokens that a chosen context should suit. */
  readonly tokens: TokenCounts;
  readonly promptTokens: number;
  readonly answerTokens: number;
  /** Tokens that need not be computed where a cache has them. */
  readonly text: ReadonlyTokens;
  readonly cache: SequenceCache | undefined;
  readonly decoding: boolean;
  /** The number of tokens to be computed next, and of the draft tokens among them. */
  readonly pending: number;
  readonly draftTokens: number;
  readonly ended: boolean;
  readonly stopReason?: string | undefined;
  readonly error: Error | undefined;
  readonly parts: {
    readonly onLoad?: LoadOptions['onProgress'];
    /** Scales of LoRA adapters; default: those of the model. */
    readonly scales?: readonly number[] | undefined;
  };
  /** Throws CONTEXT_TOO_LONG. */
  checkFits(context: number): void;
  /** Enters `cache`, in which `cached` tokens are stored already. */
  begin(runtime: Runtime, cache: SequenceCache, cached: number): void;
  /** The first `count` of the pending tokens. */
  upcoming(count: number): readonly number[];
  /** Hears that `share` of the pass that computes `count` tokens is over. */
  progress(runtime: Runtime, count: number, share: number): void;
  /**
   * Takes the results of `count` tokens from position `start` on. Returns how many of them belong to the text. The results
   * may be changed.
   */
  advance(start: number, count: number, resultAfter: ResultAfter): number;
  fail(error: Error): void;
}
