import fc from 'fast-check';
import { randomNumbers } from './random.ts';

/** The routes of a layer: batches of tokens, each with `used` different experts of `experts`. */
export interface Trace {
  readonly experts: number;
  readonly used: number;
  readonly batches: readonly (readonly number[])[];
}

/** Any trace of up to 40 batches; `most` tokens in each. */
export const anyTrace = (most: number): fc.Arbitrary<Trace> =>
  fc
    .integer({ min: 1, max: 24 })
    .chain((experts) => fc.record({ experts: fc.constant(experts), used: fc.integer({ min: 1, max: experts }) }))
    .chain(({ experts, used }) => {
      const token = fc.uniqueArray(fc.nat(experts - 1), { minLength: used, maxLength: used });
      const batch = fc.array(token, { minLength: 1, maxLength: most }).map((tokens) => tokens.flat());
      return fc.record({
        experts: fc.constant(experts),
        used: fc.constant(used),
        batches: fc.array(batch, { minLength: 1, maxLength: 40 }),
      });
    });

/**
 * Routes of single tokens as skewed as those of real models: the tenth of the experts that is used most takes 0.6 of all
 * uses, a quarter 0.85; a token shares a third of its experts with the one before.
 */
export function skewedTrace(seed: number, tokens: number): Trace {
  const [experts, used] = [128, 6];
  const next = randomNumbers(seed);
  const gauss = (): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  const popularity = Array.from({ length: experts }, gauss);
  const topic = new Float64Array(experts);
  const batches = Array.from({ length: tokens }, () => {
    for (const [e, score] of topic.entries()) topic[e] = 0.7 * score + 0.5 * gauss();
    return popularity
      .map((score, e) => ({ e, score: score + (topic[e] as number) + 0.8 * gauss() }))
      .sort((a, b) => b.score - a.score)
      .slice(0, used)
      .map(({ e }) => e);
  });
  return { experts, used, batches };
}

/** Hits of single tokens by the rule's own words: sums of 2 ** -(tokens / 8), a list of experts, a sort. */
export function referenceHits({ experts, batches }: Trace, slots: number): number {
  const uses: number[][] = Array.from({ length: experts }, () => []);
  let held: number[] = [];
  let hits = 0;
  for (const [t, ids] of batches.entries()) {
    for (const e of ids) uses[e]?.push(t + 1);
    // The greatest power is taken out, so that the sum is exact.
    const now = Math.floor((t + 1) / 8);
    const count = (e: number): number =>
      (uses[e] ?? []).reduce((sum, use) => sum + 2 ** (Math.floor(use / 8) - now), 0);
    hits += ids.filter((e) => held.includes(e)).length;
    const kept = held.filter((e) => !ids.includes(e)).sort((a, b) => count(b) - count(a) || b - a);
    held = [...ids, ...kept].slice(0, slots);
  }
  return hits;
}

/** Hits of single tokens where the least recently used expert is overwritten. */
export function lruHits({ batches }: Trace, slots: number): number {
  let held: readonly number[] = [];
  let hits = 0;
  for (const ids of batches) {
    hits += ids.filter((e) => held.includes(e)).length;
    held = [...ids, ...held.filter((e) => !ids.includes(e))].slice(0, slots);
  }
  return hits;
}
