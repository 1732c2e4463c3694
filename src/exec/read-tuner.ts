import { median } from '../base/median.ts';

/** The finding about passes that read. */
export interface ReadFinding {
  /** True if weights are read while steps compute, else they are read between steps. */
  readonly beside: boolean;
  /** Times as long that a pass took with reads between its steps. */
  readonly between: number;
}

/** Passes of each way that are compared, their kinds in turns. */
const rounds = 3;
/** A pass that is so many times as long shows at once that its way is the wrong one. */
const hopeless = 1.25;
/** Reads are made between steps where that takes no more than this of the time. */
const gain = 0.95;
/** Passes until both ways are tried again: other work of the machine may have decided. */
const patience = 256;

/**
 * Whether a GPU is read for while it computes, found by trying: usually that hides what is shorter, but where both share a
 * way to memory, or its power, they may take longer beside each other than one after the other.
 */
export class ReadTuner {
  /** Seconds of passes in both ways since they were last compared. */
  readonly #seconds = { beside: [] as number[], between: [] as number[] };
  #finding: ReadFinding | undefined;
  /** Passes before the next comparison; the first one compiles what it computes. */
  #wait = 1;

  /** True if the next pass is read for while its steps compute. */
  get beside(): boolean {
    const { beside, between } = this.#seconds;
    return this.#wait > 0 ? (this.#finding?.beside ?? true) : beside.length === between.length;
  }

  /** The last finding; undefined until both ways were compared. */
  get finding(): ReadFinding | undefined {
    return this.#finding;
  }

  /** Records the seconds of a pass that was read for as `beside` says. */
  record(seconds: number): void {
    if (this.#wait > 0) {
      this.#wait -= 1;
      return;
    }
    const { beside, between } = this.#seconds;
    (this.beside ? beside : between).push(seconds);
    if (between.length < beside.length) return;
    const times = median(between) / median(beside);
    if (between.length < rounds && times <= hopeless) return;
    this.#finding = { beside: times > gain, between: times };
    this.#wait = patience;
    beside.length = between.length = 0;
  }
}
