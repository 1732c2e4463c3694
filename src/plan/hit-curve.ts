import { at } from '../base/at.ts';

/** Uses of experts by the number of slots that makes hits of them. */
export interface HitCurve {
  /** All uses. */
  readonly asked: number;
  /** Uses that `i + 1` slots of a router, and no fewer, make hits of. */
  readonly depths: readonly number[];
}

/** A router: its experts, and those of them that a token uses. */
export interface RouterSize {
  readonly experts: number;
  readonly used: number;
}

/** The share of used experts, from 0 to 1, that are found in `slots` of a router. */
export type HitRate = (slots: number, router: RouterSize) => number;

/**
 * The popularity of experts, as a power of their rank. With 128 experts of which 6 are used this gives the published shares
 * of real mixtures: 0.85 of uses by a quarter of the experts, 0.38 of a token's experts as before (0.36 to 0.38), and hits
 * of 0.40, 0.61, 0.77, 0.84, 0.92 with slots for 0.05, 0.12, 0.25, 0.36, 0.55 of them (0.40, 0.60, 0.77, 0.85, 0.92).
 */
const popularity = 1.4;

/** The popularities of a router's experts: chances that a token uses each. */
function chancesOf({ experts, used }: RouterSize): readonly number[] {
  const weights = Array.from({ length: experts }, (_, rank) => (rank + 1) ** -popularity);
  if (used >= experts) return weights.map(() => 1);
  // A token draws until it has as many different ones as it uses.
  return chancesWithin(weights, used);
}

/** The chances 1 - e^(-t weight), with the t with which they add up to `sum`. */
function chancesWithin(weights: readonly number[], sum: number): readonly number[] {
  const chances = (t: number): readonly number[] => weights.map((weight) => -Math.expm1(-t * weight));
  const total = (t: number): number => chances(t).reduce((all, chance) => all + chance, 0);
  let [low, high] = [0, 1];
  while (total(high) < sum && high < 2 ** 64) high *= 2;
  while (high - low > 1e-7 * high) {
    const middle = (low + high) / 2;
    if (total(middle) < sum) low = middle;
    else high = middle;
  }
  return chances(high);
}

/**
 * The hits of most models. Slots hold what the last tokens used, as many of them as fill the slots, whichever these were
 * (Che, Tung and Wang, 2002); so routers that are used evenly would have slots / experts.
 */
export const usualHits: HitRate = (slots, { experts, used }) => {
  if (slots <= 0) return 0;
  if (slots >= experts) return 1;
  // Routers of a model are alike: a table of budgets asks for the same ones thousands of times.
  const key = `${slots} ${experts} ${used}`;
  const known = foundHits.get(key) ?? hitsWith(slots, { experts, used });
  if (foundHits.size >= mostFound) foundHits.clear();
  foundHits.set(key, known);
  return known;
};

const foundHits = new Map<string, number>();
const mostFound = 4096;

function hitsWith(slots: number, router: RouterSize): number {
  const chances = chancesOf(router);
  // A chance that ends in one is of an expert that every token uses.
  const held = chancesWithin(
    chances.map((chance) => -Math.log(Math.max(Number.MIN_VALUE, 1 - chance))),
    slots,
  );
  return Math.min(1, chances.reduce((sum, chance, i) => sum + chance * at(held, i), 0) / router.used);
}

/** The hits that curves say, each for routers of as many experts; the usual ones for others. */
export const hitsOf =
  (curves: readonly HitCurve[]): HitRate =>
  (slots, router) => {
    const curve = curves.find(({ depths }) => depths.length === router.experts);
    if (!curve || curve.asked === 0) return usualHits(slots, router);
    return curve.depths.slice(0, slots).reduce((sum, uses) => sum + uses, 0) / curve.asked;
  };

/** One curve for all routers of as many experts. */
export function addCurves(curves: readonly HitCurve[]): readonly HitCurve[] {
  const sums = new Map<number, HitCurve>();
  for (const { asked, depths } of curves) {
    const before = sums.get(depths.length);
    sums.set(depths.length, {
      asked: asked + (before?.asked ?? 0),
      depths: depths.map((uses, i) => uses + (before ? at(before.depths, i) : 0)),
    });
  }
  return [...sums.values()];
}
