import { Random } from '../../../bench/random.ts';

/** The extent of an attack. The same seed and number make the same case. */
export interface AttackOptions {
  /** Cases that are tried. */
  readonly count: number;
  readonly seed: string;
  /** The number of the first case; 0 unless given. To try one alone: its number, and a count of 1. */
  readonly from?: number;
  /** Interval between the listed cases that are tried; default 1. */
  readonly step?: number;
}

/** A case that was not survived. */
export interface Fallen {
  readonly number: number;
  /** The kind of case, where it has a name. */
  readonly name: string;
  readonly reason: string;
}

/** The results of an attack. */
export interface Toll {
  readonly tried: number;
  readonly fallen: readonly Fallen[];
  /** Counts of each outcome: "answered", the code of an error, a status. */
  readonly outcomes: ReadonlyMap<string, number>;
  /** The reason if nothing was tried. */
  readonly skipped?: string;
}

export interface Attack {
  readonly name: string;
  /** Cases of the whole attack. */
  readonly count: number;
  run(options: AttackOptions): Promise<Toll>;
}

/** Gathers what comes of the cases of an attack. */
export class Ledger {
  readonly #fallen: Fallen[] = [];
  readonly #outcomes: Map<string, number> = new Map();
  #tried = 0;

  survived(outcome: string): void {
    this.#tried += 1;
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1);
  }

  fell(number: number, name: string, reason: unknown): void {
    this.#tried += 1;
    this.#fallen.push({ number, name, reason: reason instanceof Error ? reason.message : String(reason) });
  }

  toll(): Toll {
    const outcomes = new Map([...this.#outcomes].sort(([, a], [, b]) => b - a));
    const fallen = [...this.#fallen].sort((a, b) => a.number - b.number);
    return { tried: this.#tried, fallen, outcomes };
  }
}

/** The toll of an attack that cannot run here. */
export const skipped = (why: string): Toll => ({ tried: 0, fallen: [], outcomes: new Map(), skipped: why });

/** Tries the cases one after the other: `attempt` gives what came of one, and rejects where it was not survived. */
export async function tryEach(
  { count, from = 0, step = 1 }: AttackOptions,
  attempt: (number: number) => Promise<string>,
  nameOf: (number: number) => string,
): Promise<Toll> {
  const ledger = new Ledger();
  for (let i = 0; i < count; i += 1) {
    const number = from + i * step;
    try {
      ledger.survived(await attempt(number));
    } catch (error) {
      ledger.fell(number, nameOf(number), error);
    }
  }
  return ledger.toll();
}

/** Chance that a seed decides. */
export class Dice {
  readonly #random: Random;

  constructor(seed: string) {
    this.#random = new Random(seed);
    // The first numbers of seeds that resemble each other do so too.
    this.#random.words(8);
  }

  /** A whole number from 0 to `limit`, without that. */
  below(limit: number): number {
    const [word = 0] = this.#random.words(1);
    return Math.floor((word / 2 ** 32) * limit);
  }

  pick<T>(from: readonly T[]): T {
    const picked = from[this.below(from.length)];
    if (picked === undefined) throw new Error('there is nothing to pick from');
    return picked;
  }

  bytes(count: number): Buffer {
    return Buffer.from(this.#random.words(Math.ceil(count / 4)).buffer, 0, count);
  }
}
