import { median } from '../base/median.ts';
import type { Pass } from './pass.ts';

/** Tokens that are remembered: the last ones. */
const most = 512;
/** Times the usual token from which on one says nothing of others: the machine slept, or the program was stopped. */
const stopped = 10;

interface LoneToken {
  readonly seconds: number;
  readonly waited: number;
}

/** Seconds of tokens together, and those of them in which computing waited for reads. */
export interface LoneTime {
  readonly tokens: number;
  readonly seconds: number;
  readonly waited: number;
}

/** Records the tokens that one text decodes while no other is there, without drafts: those that a forecast is about. */
export class LoneTokens {
  readonly #last: LoneToken[] = [];

  /** Records a pass that took `seconds`, with all that comes before and after it, and `waited` some of them. */
  record({ decoding, prompts }: Pick<Pass, 'decoding' | 'prompts'>, seconds: number, waited: number): void {
    if (decoding !== 1 || prompts > 0) return;
    this.#last.push({ seconds, waited });
    if (this.#last.length > most) this.#last.shift();
  }

  /** The time of the last tokens, but of those that took far longer than most. */
  get time(): LoneTime {
    if (this.#last.length === 0) return { tokens: 0, seconds: 0, waited: 0 };
    const longest = stopped * median(this.#last.map(({ seconds }) => seconds));
    const usual = this.#last.filter(({ seconds }) => seconds <= longest);
    const sum = (of: (token: LoneToken) => number): number => usual.reduce((total, token) => total + of(token), 0);
    return { tokens: usual.length, seconds: sum(({ seconds }) => seconds), waited: sum(({ waited }) => waited) };
  }
}
