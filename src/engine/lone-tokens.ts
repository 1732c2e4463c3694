import type { Pass } from './pass.ts';

/** Counts the tokens that one text decodes while no other is there, without drafts: those that a forecast is about. */
export class LoneTokens {
  tokens = 0;
  seconds = 0;
  /** Seconds of waiting for reads. */
  waited = 0;

  /** Counts a pass that took `seconds`, with all that comes before and after it, and `waited` some of them. */
  record({ decoding, prompts }: Pick<Pass, 'decoding' | 'prompts'>, seconds: number, waited: number): void {
    if (decoding !== 1 || prompts > 0) return;
    this.tokens += 1;
    this.seconds += seconds;
    this.waited += waited;
  }
}
