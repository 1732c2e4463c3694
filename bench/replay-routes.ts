import { at } from '../src/base/at.ts';
import { ExpertCache } from '../src/plan/expert-cache.ts';

/** The experts of each token of a text at each router: [token][router], of `used` numbers. */
export type TextRoutes = readonly (readonly (readonly number[])[])[];

/** A router's experts, and the slots for them. */
export interface ReplayedRouter {
  readonly experts: number;
  readonly slots: number;
  /** Pairs of a token and a rank that can be computed at once. */
  readonly pairs: number;
}

/**
 * Misses of each router in each pass in which all texts go on by a token together, through one cache that has seen each of
 * them alone before.
 */
export function replayTogether(
  texts: readonly TextRoutes[],
  routers: readonly ReplayedRouter[],
): readonly (readonly number[])[] {
  const caches = routers.map(({ experts, slots }) => new ExpertCache(experts, slots));
  const pass = (tokens: readonly TextRoutes[number][]): readonly number[] =>
    caches.map((cache, router) => {
      const lists = tokens.map((token) => at(token, router));
      const { asked, hits } = cache.route({
        ids: lists.flat(),
        used: at(lists, 0).length,
        texts: lists.length,
        pairs: at(routers, router).pairs,
      });
      return asked - hits;
    });
  for (const text of texts) for (const token of text) pass([token]);
  const passes = Math.min(...texts.map(({ length }) => length));
  return Array.from({ length: passes }, (_, i) => pass(texts.map((text) => at(text, i))));
}
