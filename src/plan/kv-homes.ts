import { EngineError } from '../base/errors.ts';
import type { KvHome, KvHomeOption } from './kv-options.ts';
import type { Plan } from './plan.ts';
import { spread } from './residency.ts';

/** Bytes of keys and values when they are as long as the context. */
export interface KvHomeCosts {
  /** Bytes of each layer, for all sequences together. */
  readonly layers: readonly number[];
  /** Bytes of memory through which those on the SSD pass, and in which the newest of them wait. */
  readonly passing: number;
  /** Bytes of memory that they may take without crowding out the weights. */
  readonly share: number;
}

/**
 * A plan for where keys and values are wanted. `auto` is memory, if they take no more than their share of it or the
 * weights do not stream all the same; else the SSD for the layers beyond that share, if it takes less memory, and for
 * all of them where memory cannot hold them at all. A byte of a full context costs as much to read as a byte of a
 * weight, and a text is mostly shorter. Throws BUDGET_TOO_SMALL with the smallest budget that works for one of them.
 */
export function chooseKvHomes(
  home: KvHomeOption,
  planWith: (homes: readonly KvHome[] | undefined) => Plan,
  { layers, passing, share }: KvHomeCosts,
): Plan {
  if (home === 'ram') return planWith(undefined);
  const onSsd = (): Plan => planWith(layers.map(() => 'ssd'));
  if (home === 'ssd') return onSsd();
  const inMemory = orTooSmall(() => planWith(undefined));
  const all = layers.reduce((sum, bytes) => sum + bytes, 0);
  if (isTooSmall(inMemory)) return least(inMemory, orTooSmall(onSsd));
  if (all <= share || inMemory.streamed.length === 0) return inMemory;
  const candidates = layers.map((bytes, id) => ({ id, bytes }));
  const kept = spread(candidates, share - passing);
  const beyond = orTooSmall(() => planWith(layers.map((_, il) => (kept.has(il) ? 'ram' : 'ssd'))));
  // A ring as large as the layers that pass through it saves nothing.
  return isTooSmall(beyond) || beyond.shares.kv >= inMemory.shares.kv ? inMemory : beyond;
}

type TooSmall = EngineError<'BUDGET_TOO_SMALL'>;

/** Whether an attempt at a plan found the budget too small. */
export const isTooSmall = (plan: unknown): plan is TooSmall =>
  plan instanceof EngineError && plan.code === 'BUDGET_TOO_SMALL';

/** The plan, or the error if the budget is too small for it. */
export function orTooSmall(plan: () => Plan): Plan | TooSmall {
  try {
    return plan();
  } catch (error) {
    if (isTooSmall(error)) return error;
    throw error;
  }
}

/** `plan`; throws the error that names the smaller budget if there is none. */
function least(inMemory: TooSmall, plan: Plan | TooSmall): Plan {
  if (!isTooSmall(plan)) return plan;
  throw inMemory.details.needed < plan.details.needed ? inMemory : plan;
}
