import { at } from '../base/at.ts';
import type { Span } from '../exec/span.ts';
import { type PassLimits, schedule } from '../plan/schedule.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { checkFinite } from '../sample/check-finite.ts';
import type { SequenceCache } from '../state/sequence-cache.ts';
import type { Sequence } from './sequence.ts';

/** A sequence's part of a pass. */
export interface PassPart {
  readonly sequence: Sequence;
  readonly cache: SequenceCache;
  readonly span: Span;
}

/** The logits (vocabulary) after token `index` of a span; of a prompt they are known after its last token only. */
type LogitsAfter = (index: number) => Float32Array;

/** One pass over the weights, which takes several sequences on. */
export class Pass {
  readonly parts: readonly PassPart[];
  /** The number of tokens of sequences that decode. */
  readonly decoding: number;
  /** The number of tokens of prompts. */
  readonly prompts: number;
  readonly #abort: AbortController = new AbortController();

  private constructor(parts: readonly PassPart[]) {
    const count = (logits: Span['logits']): number =>
      parts.reduce((sum, { span }) => sum + (span.logits === logits ? span.tokens.length : 0), 0);
    this.parts = parts;
    this.decoding = count('all');
    this.prompts = count('last');
  }

  /** The next pass of these sequences: as many tokens of each as `schedule` grants. */
  static of(sequences: readonly Sequence[], limits: PassLimits): Pass {
    const active = sequences.filter(({ ended }) => !ended);
    const pending = active.map((sequence) => ({ tokens: sequence.pending, decoding: sequence.decoding }));
    const counts = schedule(pending, limits);
    const parts = active.flatMap((sequence, i): readonly PassPart[] => {
      const { cache, decoding } = sequence;
      const tokens = sequence.upcoming(at(counts, i));
      if (tokens.length === 0 || !cache) return [];
      const span = {
        state: cache.state,
        start: cache.tokens.length,
        tokens,
        logits: decoding ? 'all' : 'last',
      } as const;
      return [{ sequence, cache, span }];
    });
    return new Pass(parts);
  }

  /** Aborted once nobody wants the pass any more. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  abort(): void {
    this.#abort.abort();
  }

  get tokens(): number {
    return this.decoding + this.prompts;
  }

  get spans(): readonly Span[] {
    return this.parts.map(({ span }) => span);
  }

  /** Announces the tokens to the caches that will store them. */
  begin(): void {
    for (const { cache, span } of this.parts) cache.begin(span.tokens.length);
  }

  /** Tells the sequences that `share` of the pass is over. */
  progress(runtime: Runtime, share: number): void {
    for (const { sequence, span } of this.parts) sequence.progress(runtime, span.tokens.length, share);
  }

  /** The parts with their rows of `logits`, which lie one span after the other. */
  *results(logits: Float32Array): Generator<readonly [part: PassPart, logitsAfter: LogitsAfter]> {
    const rowsOf = ({ tokens, logits }: Span): number => (logits === 'all' ? tokens.length : 1);
    const vocabulary = logits.length / this.spans.reduce((sum, span) => sum + rowsOf(span), 0);
    let first = 0;
    for (const part of this.parts) {
      const own = logits.subarray(first * vocabulary, (first + rowsOf(part.span)) * vocabulary);
      const all = part.span.logits === 'all';
      yield [part, (index) => (all ? own.subarray(index * vocabulary, (index + 1) * vocabulary) : own)];
      first += rowsOf(part.span);
    }
  }
}

/**
 * Stores the tokens of a part, and takes its sequence on: it samples what follows. Returns the draft tokens in the part
 * and how many of them were accepted. Throws NOT_FINITE, and the errors of sampling.
 */
export function advance(
  { sequence, cache, span }: PassPart,
  logitsAfter: LogitsAfter,
  { path, limits }: Runtime,
): { readonly drafted: number; readonly accepted: number } {
  const { decoding, draftTokens } = sequence;
  const count = span.tokens.length;
  // Computed tokens are stored even if the sequence has left meanwhile.
  cache.store(span.tokens, decoding ? undefined : limits.batch);
  const kept = sequence.advance(span.start, count, (index) => checkFinite(logitsAfter(index), path));
  cache.truncate(span.start + kept);
  // The next prompt often parts from this one where the answer begins.
  if (!decoding && sequence.decoding) cache.snapshot();
  return { drafted: draftTokens, accepted: kept - (count - draftTokens) };
}
