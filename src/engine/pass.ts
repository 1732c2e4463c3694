import { at } from '../base/at.ts';
import type { Span } from '../exec/span.ts';
import type { GraphOutput } from '../ggml/graph-output.ts';
import { type PassLimits, schedule } from '../plan/schedule.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { checkFinite } from '../sample/check-finite.ts';
import type { SequenceCache } from '../state/sequence-cache.ts';
import type { Member, ResultAfter } from './member.ts';

/** A sequence's part of a pass. */
export interface PassPart {
  readonly sequence: Member;
  readonly cache: SequenceCache;
  readonly span: Span;
}

/** One pass over the weights, which takes several sequences on. */
export class Pass {
  readonly parts: readonly PassPart[];
  readonly output: GraphOutput;
  /** The number of tokens of sequences that decode. */
  readonly decoding: number;
  /** The number of tokens of prompts. */
  readonly prompts: number;
  /** The share of it that is over. */
  #done = 0;
  readonly #abort: AbortController = new AbortController();

  private constructor(parts: readonly PassPart[], output: GraphOutput) {
    const count = (decoding: boolean): number =>
      parts.reduce((sum, { sequence, span }) => sum + (sequence.decoding === decoding ? span.tokens.length : 0), 0);
    this.parts = parts;
    this.output = output;
    this.decoding = count(true);
    this.prompts = count(false);
  }

  /** The next pass of those of `sequences` that want this output: as many tokens of each as `schedule` grants. */
  static of(sequences: readonly Member[], output: GraphOutput, limits: PassLimits): Pass {
    const active = sequences.filter((one) => !one.ended && one.output === output);
    const pending = active.map((sequence) => ({ tokens: sequence.pending, decoding: sequence.decoding }));
    const counts = schedule(pending, limits);
    const parts = active.flatMap((sequence, i): readonly PassPart[] => {
      const { cache, wanted } = sequence;
      const tokens = sequence.upcoming(at(counts, i));
      if (tokens.length === 0 || !cache) return [];
      const span = {
        state: cache.state,
        start: cache.tokens.length,
        tokens,
        logits: wanted,
      };
      return [{ sequence, cache, span }];
    });
    return new Pass(parts, output);
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
    this.#done = share;
    for (const { sequence, span } of this.parts) sequence.progress(runtime, span.tokens.length, share);
  }

  /** Tokens of a sequence that it has computed so far: a part of it counts as a part of them. */
  computedOf(sequence: Member): number {
    const part = this.parts.find((one) => one.sequence === sequence);
    return part ? part.span.tokens.length * this.#done : 0;
  }

  /** The parts with their rows of `results`, which lie one span after the other. */
  *results(results: Float32Array): Generator<readonly [part: PassPart, resultAfter: ResultAfter]> {
    const rowsOf = ({ tokens, logits }: Span): number => (logits === 'all' ? tokens.length : 1);
    const length = results.length / this.spans.reduce((sum, span) => sum + rowsOf(span), 0);
    let first = 0;
    for (const part of this.parts) {
      const own = results.subarray(first * length, (first + rowsOf(part.span)) * length);
      const all = part.span.logits === 'all';
      yield [part, (index) => (all ? own.subarray(index * length, (index + 1) * length) : own)];
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
  resultAfter: ResultAfter,
  { path, limits }: Runtime,
): { readonly drafted: number; readonly accepted: number } {
  const { decoding, draftTokens } = sequence;
  const count = span.tokens.length;
  // Computed tokens are stored even if the sequence has left meanwhile.
  cache.store(span.tokens, decoding ? undefined : limits.batch);
  const kept = sequence.advance(span.start, count, (index) => checkFinite(resultAfter(index), path));
  cache.truncate(span.start + kept);
  // The next prompt often parts from this one where the answer begins.
  if (!decoding && sequence.decoding) cache.snapshot();
  return { drafted: draftTokens, accepted: kept - (count - draftTokens) };
}
