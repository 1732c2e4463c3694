import { at } from '../base/at.ts';

/** Uses of experts by the number of slots that makes hits of them. */
export interface HitCurve {
  /** All uses. */
  readonly asked: number;
  /** Uses that `i + 1` slots of a router, and no fewer, make hits of. */
  readonly depths: readonly number[];
}

/** The share of used experts, from 0 to 1, that are found in `slots` of a router that has `experts`. */
export type HitRate = (slots: number, experts: number) => number;

/** The mean of published curves: hits by the share of a layer's experts that have slots. Models differ by 0.08. */
const shares = [0, 0.05, 0.08, 0.12, 0.16, 0.2, 0.25, 0.3, 0.36, 0.45, 0.55, 0.64, 1];
const hits = [0, 0.4, 0.51, 0.6, 0.67, 0.72, 0.77, 0.81, 0.85, 0.89, 0.92, 0.93, 1];

/** The hits of most models. */
export const usualHits: HitRate = (slots, experts) => {
  const share = Math.min(1, slots / experts);
  const i = Math.max(
    1,
    shares.findIndex((known) => known >= share),
  );
  const [from, to] = [at(shares, i - 1), at(shares, i)];
  const part = (share - from) / (to - from);
  return at(hits, i - 1) + part * (at(hits, i) - at(hits, i - 1));
};

/** The hits that curves say, each for routers of as many experts; the usual ones for others. */
export const hitsOf =
  (curves: readonly HitCurve[]): HitRate =>
  (slots, experts) => {
    const curve = curves.find(({ depths }) => depths.length === experts);
    if (!curve || curve.asked === 0) return usualHits(slots, experts);
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
