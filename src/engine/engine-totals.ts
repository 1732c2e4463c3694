import type { Pass } from './pass.ts';

/** The totals of an engine since it began: counts, bytes, seconds. */
export const zeroTotals = {
  passes: 0,
  /** Sequences in these passes. */
  sequences: 0,
  /** Tokens of prompts that were computed, and those that were found in the prefix cache. */
  promptTokens: 0,
  cachedTokens: 0,
  answerTokens: 0,
  /** Draft tokens, and those that were accepted. */
  drafted: 0,
  accepted: 0,
  /** Prompts of which something was found in the prefix cache, and others. */
  prefixHits: 0,
  prefixMisses: 0,
  bytesRead: 0,
  bytesWritten: 0,
  readSeconds: 0,
  stallSeconds: 0,
  computeSeconds: 0,
  /** Experts that passes asked for, those of them that were in slots, and what the others cost. */
  expertsAsked: 0,
  expertHits: 0,
  expertBytes: 0,
  expertStallSeconds: 0,
};

export type EngineTotals = { readonly [K in keyof typeof zeroTotals]: number };

/** Counts the work of an engine, without what its runtime counts. */
export class TotalsCounter {
  readonly #sums = { ...zeroTotals };

  get sums(): EngineTotals {
    return this.#sums;
  }

  /** Counts a prompt of which `cached` tokens were found. */
  countPrefix(cached: number): void {
    this.#sums[cached > 0 ? 'prefixHits' : 'prefixMisses'] += 1;
    this.#sums.cachedTokens += cached;
  }

  countPass({ parts, prompts }: Pass): void {
    if (parts.length === 0) return;
    this.#sums.passes += 1;
    this.#sums.sequences += parts.length;
    this.#sums.promptTokens += prompts;
  }

  countDrafts({ drafted, accepted }: { drafted: number; accepted: number }): void {
    this.#sums.drafted += drafted;
    this.#sums.accepted += accepted;
  }

  countAnswer(tokens: number): void {
    this.#sums.answerTokens += tokens;
  }
}

/** The present state: sequences with and without a cache; bytes. */
export interface EngineState {
  readonly active: number;
  readonly waiting: number;
  readonly resident: number;
  readonly kv: number;
}

export const idleState: EngineState = { active: 0, waiting: 0, resident: 0, kv: 0 };

/** Adds two totals, sum by sum. */
export const addTotals = (a: EngineTotals, b: EngineTotals): EngineTotals =>
  Object.fromEntries(Object.keys(zeroTotals).map((key) => [key, totalAt(a, key) + totalAt(b, key)])) as EngineTotals;

const totalAt = (sums: EngineTotals, key: string): number => sums[key as keyof EngineTotals];
