import { EngineError } from '../base/errors.ts';
import type { KvHome, WantedHome } from './kv-choice.ts';
import type { Plan } from './plan.ts';
import { spread } from './residency.ts';

/** Bytes of keys and values when they are as long as the context. */
export interface HomeCosts {
  /** By layer, of all sequences. */
  readonly layers: readonly number[];
  /** Of the memory through which those on the SSD pass. */
  readonly ring: number;
  /** What they may take of memory without crowding out the weights. */
  readonly share: number;
}

/**
 * A plan for where keys and values are wanted. `auto` is memory, if they take no more than their share of it or the
 * weights do not stream all the same; else the SSD for the layers beyond that share. At full length a byte costs the
 * same to read whatever it is of, and a text is mostly shorter. Throws BUDGET_TOO_SMALL.
 */
export function chooseHomes(
  home: WantedHome,
  planWith: (homes: readonly KvHome[] | undefined) => Plan,
  { layers, ring, share }: HomeCosts,
): Plan {
  if (home === 'ram') return planWith(undefined);
  const onSsd = (): Plan => planWith(layers.map(() => 'ssd'));
  if (home === 'ssd') return onSsd();
  const inMemory = unlessTooSmall(() => planWith(undefined));
  const all = layers.reduce((sum, bytes) => sum + bytes, 0);
  if (inMemory && (all <= share || inMemory.streamed.length === 0)) return inMemory;
  const candidates = layers.map((bytes, id) => ({ id, bytes }));
  const kept = spread(candidates, share - ring);
  const beyond = (): Plan => planWith(layers.map((_, il) => (kept.has(il) ? 'ram' : 'ssd')));
  return unlessTooSmall(beyond) ?? inMemory ?? onSsd();
}

/** Undefined if the budget is too small. */
function unlessTooSmall(plan: () => Plan): Plan | undefined {
  try {
    return plan();
  } catch (error) {
    if (error instanceof EngineError && error.code === 'BUDGET_TOO_SMALL') return undefined;
    throw error;
  }
}
