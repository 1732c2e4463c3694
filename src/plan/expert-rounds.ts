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

/** Experts of a round: few, so that computing begins early and reading ends late. A round takes 0.4 ms beside its work. */
const roundExperts = 8;

/**
 * Divides the experts of a batch into rounds, each of which is computed at once: those that are present come first, by
 * rising count, so that the slots that are overwritten are free early. The others are dealt to their rounds by count:
 * each has its share of the most used ones, in whose time those are read that have little to compute. Each expert is in one
 * round.
 *
 * A round takes at most half of the slots where not all experts have one, so that the next one can be read while it is
 * computed. Experts that all have slots, or the few of a batch that has to await them all, make a single round of any
 * number of pairs. Throws a RangeError if one expert has more pairs than `bounds.pairs`.
 */
export function divideIntoRounds(
  routed: readonly RoutedExpert[],
  { slots, pairs }: RoundBounds,
): readonly (readonly RoutedExpert[])[] {
  const byCount = routed.toSorted((a, b) => a.count - b.count || a.expert - b.expert);
  const present = byCount.filter((expert) => expert.present);
  const missing = byCount.filter((expert) => !expert.present).reverse();
  const room = routed.length <= slots ? slots : Math.max(1, Math.floor(slots / 2));
  const most = Math.min(roundExperts, room);
  if (missing.length === 0 || (present.length === 0 && missing.length <= most)) return [routed];
  const deals = Math.ceil(missing.length / most);
  const dealt = Array.from({ length: deals }, (_, deal) => missing.filter((_, i) => i % deals === deal));
  return [present, ...dealt].flatMap((experts) => groups(experts, most, pairs));
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
