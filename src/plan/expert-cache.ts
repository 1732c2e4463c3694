import { at } from '../base/at.ts';
import { ExpertCounters } from './expert-counters.ts';
import { ExpertHistogram } from './expert-histogram.ts';
import { divideIntoRounds, type RoutedExpert } from './expert-rounds.ts';

/** An expert and the slot that it is in. */
export interface PlacedExpert {
  readonly expert: number;
  readonly slot: number;
}

/** A read of an expert into a slot. */
export interface ExpertLoad extends PlacedExpert {
  /** The round that uses the expert which is overwritten: the read may begin once that one is computed; -1 is at once. */
  readonly after: number;
}

/** Experts that are computed at once. */
export interface ExpertRound {
  readonly experts: readonly PlacedExpert[];
  /** Their pairs, each token * used + rank, rising. */
  readonly pairs: readonly number[];
  /** Slots by pair. */
  readonly slots: readonly number[];
  /** Reads of those experts that are missing. */
  readonly loads: readonly ExpertLoad[];
}

/** The way of a batch through the slots of a layer. */
export interface Routing {
  /** Different experts that were asked for, and those of them that were in slots. */
  readonly asked: number;
  readonly hits: number;
  readonly rounds: readonly ExpertRound[];
}

/** A batch as its router sent it. */
export interface RoutedBatch {
  /** Experts by token and rank: (used, tokens), a token's after one another. */
  readonly ids: ArrayLike<number>;
  /** Experts of a token. */
  readonly used: number;
  /** Pairs of a token and a rank that can be computed at once. */
  readonly pairs: number;
  /** Texts that the tokens belong to; default: one. */
  readonly texts?: number | undefined;
}

/**
 * The experts of a layer that are in its slots. Each has a counter of its uses that halves every 8 tokens of a text; the one with
 * the lowest is overwritten first, but none that the present batch still needs. Decisions depend on the routes alone, so a
 * trace of routes gives the same hits again.
 */
export class ExpertCache {
  readonly experts: number;
  readonly slots: number;
  readonly #expertIn: Int32Array;
  readonly #slotOf: Int32Array;
  readonly #counters: ExpertCounters;
  /** Hits that other numbers of slots would have: of batches of one token, as decoding has them. */
  readonly histogram: ExpertHistogram;

  constructor(experts: number, slots: number) {
    this.experts = experts;
    this.slots = slots;
    this.#expertIn = new Int32Array(slots).fill(-1);
    this.#slotOf = new Int32Array(experts).fill(-1);
    this.#counters = new ExpertCounters(experts);
    this.histogram = new ExpertHistogram(experts, this.#counters);
  }

  /** The expert in `slot`, once the reads of the last routing have ended; -1 if there is none. */
  expertIn(slot: number): number {
    return at(this.#expertIn, slot);
  }

  /**
   * Counts the uses of a batch, and says in which rounds it is computed and which slots are overwritten for it. Throws a
   * RangeError for ids that are no experts, or more pairs of one expert than can be computed at once.
   */
  route(batch: RoutedBatch): Routing {
    const pairsOf = this.#pairsOf(batch.ids);
    this.#counters.add(batch.ids, batch.used, batch.texts ?? 1);
    this.histogram.add([...pairsOf.keys()], batch.ids.length === batch.used);
    const routed = [...pairsOf].map(
      ([expert, pairs]): RoutedExpert => ({
        expert,
        pairs,
        present: at(this.#slotOf, expert) >= 0,
        count: this.#counters.of(expert),
      }),
    );
    const rounds = divideIntoRounds(routed, { slots: this.slots, pairs: batch.pairs });
    const roundOf = new Map(rounds.flatMap((round, i) => round.map(({ expert }) => [expert, i] as const)));
    const result = rounds.map((round, i): ExpertRound => {
      const loads = round.filter(({ present }) => !present).map(({ expert }) => this.#overwrite(expert, i, roundOf));
      const pairs = round.flatMap((expert) => expert.pairs).sort((a, b) => a - b);
      return {
        experts: round.map(({ expert }) => ({ expert, slot: at(this.#slotOf, expert) })),
        pairs,
        slots: pairs.map((pair) => at(this.#slotOf, at(batch.ids, pair))),
        loads,
      };
    });
    return { asked: routed.length, hits: routed.filter(({ present }) => present).length, rounds: result };
  }

  /** Empties a slot whose bytes are not those of its expert. */
  clear(slot: number): void {
    const expert = at(this.#expertIn, slot);
    if (expert >= 0) this.#slotOf[expert] = -1;
    this.#expertIn[slot] = -1;
  }

  /** The pairs of each expert. */
  #pairsOf(ids: ArrayLike<number>): ReadonlyMap<number, readonly number[]> {
    const pairsOf = new Map<number, number[]>();
    for (let pair = 0; pair < ids.length; pair += 1) {
      const expert = at(ids, pair);
      if (!(expert >= 0 && expert < this.experts)) throw new RangeError(`${expert} is none of ${this.experts} experts`);
      const pairs = pairsOf.get(expert);
      if (pairs) pairs.push(pair);
      else pairsOf.set(expert, [pair]);
    }
    return pairsOf;
  }

  /** Puts `expert`, used by round `round`, in place of the one with the lowest count that may go by then. */
  #overwrite(expert: number, round: number, roundOf: ReadonlyMap<number, number>): ExpertLoad {
    // Bytes that the round before computes on stay meanwhile, unless there is one slot only.
    const free = this.slots > 1 ? round - 1 : round;
    const allFit = roundOf.size <= this.slots;
    let slot = -1;
    let after = -1;
    for (let i = 0; i < this.slots; i += 1) {
      const other = at(this.#expertIn, i);
      const lastUse = roundOf.get(other);
      if (lastUse !== undefined && (allFit || lastUse >= free)) continue;
      if (slot >= 0 && !this.#goesBefore(other, at(this.#expertIn, slot))) continue;
      slot = i;
      after = lastUse ?? -1;
    }
    if (slot < 0) throw new Error(`no slot for expert ${expert}`);
    this.clear(slot);
    this.#expertIn[slot] = expert;
    this.#slotOf[expert] = slot;
    return { expert, slot, after };
  }

  /** True if `a` is overwritten rather than `b`; -1 stands for an empty slot. */
  #goesBefore(a: number, b: number): boolean {
    return a < 0 || b < 0 ? a < b : this.#counters.isBelow(a, b);
  }
}
