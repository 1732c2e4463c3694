/** An expert that a batch is routed to. */
export interface RoutedExpert {
  readonly expert: number;
  /** The pairs of a token and a rank that are routed to it: token * used + rank. */
  readonly pairs: readonly number[];
  /** True if it is in a slot already. */
  readonly present: boolean;
  /** The number of its recent uses. */
  readonly count: number;
}

/** Bounds of rounds: the slots of the layer, and the pairs that can be computed at once. */
export interface RoundBounds {
  readonly slots: number;
  readonly pairs: number;
}

/**
 * Divides the experts of a batch into rounds, each of which is computed at once: those that are present come first, the
 * others by rising count, so that the most used ones are the last to be read and stay. Each expert is in one round.
 *
 * A round takes at most half of the slots where not all experts have one, so that the next one can be read while it is
 * computed. Experts that all have to be awaited, or none of which has, make a single round of any number of pairs.
 * Throws a RangeError if one expert has more pairs than `bounds.pairs`.
 */
export function divideIntoRounds(
  routed: readonly RoutedExpert[],
  bounds: RoundBounds,
): readonly (readonly RoutedExpert[])[] {
  const present = routed.filter((expert) => expert.present);
  const missing = routed.filter((expert) => !expert.present).sort((a, b) => a.count - b.count || a.expert - b.expert);
  const allFit = routed.length <= bounds.slots;
  if (allFit && (present.length === 0 || missing.length === 0)) return [routed];
  const most = allFit ? bounds.slots : Math.max(1, Math.floor(bounds.slots / 2));
  return [present, missing].flatMap((experts) => groups(experts, most, bounds.pairs));
}

/** Consecutive groups of at most `most` experts with at most `pairs` pairs together. */
function groups(experts: readonly RoutedExpert[], most: number, pairs: number): readonly (readonly RoutedExpert[])[] {
  const result: RoutedExpert[][] = [];
  let group: RoutedExpert[] = [];
  let room = 0;
  for (const expert of experts) {
    const { length } = expert.pairs;
    if (length > pairs) throw new RangeError(`${length} pairs of expert ${expert.expert} are more than ${pairs}`);
    if (group.length === 0 || group.length === most || length > room) {
      group = [];
      result.push(group);
      room = pairs;
    }
    group.push(expert);
    room -= length;
  }
  return result;
}
