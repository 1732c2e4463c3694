import { coreTimes } from '../base/core-times.ts';
import { median } from '../base/median.ts';
import { type CoreTimes, wasDisturbed } from '../base/other-work.ts';
import type { Pass } from './pass.ts';

/** Tokens that are remembered: the last ones. */
const most = 512;
/** Times the usual token from which on one says nothing of others: the machine slept, or the program was stopped. */
const stopped = 10;
/** Seconds after which it is asked again what others took of the cores; and those between passes that say nothing of it. */
const watch = { seconds: 0.25, gap: 0.05 };

interface LoneToken {
  readonly seconds: number;
  readonly waited: number;
}

/** Seconds of tokens together, and those of them in which computing waited for reads. */
export interface LoneTime {
  readonly tokens: number;
  readonly seconds: number;
  readonly waited: number;
  /** True if other work was in the way most of the time. */
  readonly disturbed: boolean;
}

/** Records the tokens that one text decodes while no other is there, without drafts: those that a forecast is about. */
export class LoneTokens {
  readonly #last: LoneToken[] = [];
  readonly #times: () => CoreTimes;
  readonly #now: () => number;
  /** The begin of the passes that are watched now, one right after the other. */
  #watched: CoreTimes | undefined;
  /** The end of the last pass in seconds, by the clock of `CoreTimes`. */
  #ended = 0;
  /** Times that others were in the way, less those that they were not. */
  #disturbances = 0;

  constructor(times: () => CoreTimes = coreTimes, now: () => number = () => performance.now() / 1000) {
    this.#times = times;
    this.#now = now;
  }

  /** Records a pass that took `seconds`, with all that comes before and after it, and `waited` some of them. */
  record({ decoding, prompts }: Pick<Pass, 'decoding' | 'prompts'>, seconds: number, waited: number): void {
    if (decoding !== 1 || prompts > 0) {
      this.#watched = undefined;
      return;
    }
    this.#watch(seconds);
    this.#last.push({ seconds, waited });
    if (this.#last.length > most) this.#last.shift();
  }

  /** The time of the last tokens, but of those that took far longer than most. */
  get time(): LoneTime {
    if (this.#last.length === 0) return { tokens: 0, seconds: 0, waited: 0, disturbed: false };
    const longest = stopped * median(this.#last.map(({ seconds }) => seconds));
    const usual = this.#last.filter(({ seconds }) => seconds <= longest);
    const sum = (of: (token: LoneToken) => number): number => usual.reduce((total, token) => total + of(token), 0);
    const disturbed = this.#disturbances > 0;
    return {
      tokens: usual.length,
      seconds: sum(({ seconds }) => seconds),
      waited: sum(({ waited }) => waited),
      disturbed,
    };
  }

  /** Counts what others took of the cores, every few passes, of which the last took `seconds`. */
  #watch(seconds: number): void {
    const now = this.#now();
    const idle = now - seconds - this.#ended > watch.gap;
    this.#ended = now;
    if (!this.#watched || idle) {
      this.#watched = this.#times();
      return;
    }
    if (now - this.#watched.at < watch.seconds) return;
    const times = this.#times();
    // Threads compute on all cores, unless somebody wants fewer.
    this.#disturbances += wasDisturbed(this.#watched, times, times.cores) ? 1 : -1;
    this.#watched = times;
  }
}
