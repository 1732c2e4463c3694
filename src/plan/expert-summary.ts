import type { HitRate } from './hit-curve.ts';
import type { ExpertPlan } from './plan.ts';

/** Experts in slots, in numbers for people and programs. */
export interface ExpertSummary {
  /** Slots of each router, and its experts; those of the largest where routers differ. */
  readonly slots: number;
  readonly of: number;
  /** Experts that a router sends each token to. */
  readonly used: number;
  /** Bytes of all experts, and of those that have slots. */
  readonly bytes: number;
  readonly slot_bytes: number;
  /** The share of used experts that are expected in so many slots, and the bytes that a token reads then. */
  readonly expected_hits: number;
  readonly bytes_per_token: number;
}

export function summarizeExperts({ slots, banks }: ExpertPlan, hitRate: HitRate): ExpertSummary {
  const routers = banks.map(({ experts, expertBytes, used }) => {
    const held = Math.min(slots, experts);
    // A bank with a slot for each expert reads each once.
    const hits = held < experts ? hitRate(held, { experts, used }) : 1;
    return { all: experts * expertBytes, held: held * expertBytes, asked: used * expertBytes, hits };
  });
  const sum = (of: (router: (typeof routers)[number]) => number): number =>
    routers.reduce((total, router) => total + of(router), 0);
  const missed = sum(({ asked, hits }) => (1 - hits) * asked);
  return {
    slots,
    of: Math.max(...banks.map(({ experts }) => experts)),
    used: Math.max(...banks.map(({ used }) => used)),
    bytes: sum(({ all }) => all),
    slot_bytes: sum(({ held }) => held),
    expected_hits: 1 - missed / sum(({ asked }) => asked),
    bytes_per_token: Math.round(missed),
  };
}
