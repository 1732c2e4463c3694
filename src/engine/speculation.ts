import { bestDraftLength } from './draft/draft-length.ts';
import { PassTimes } from './pass-times.ts';
import type { Sequence } from './sequence.ts';

/** Decides how many tokens sequences draft, by the time of passes and the share that is accepted. */
export class Speculation {
  readonly #times: PassTimes = new PassTimes();

  /**
   * Lets sequences that decode draft tokens, at most `ahead` each; with `adaptive` no more than pays. Resolves with the
   * depth for each; with an empty list if drafts are not wanted.
   */
  async draft(
    decoding: readonly Sequence[],
    { ahead, adaptive }: { ahead: number; adaptive: boolean },
  ): Promise<readonly number[]> {
    if (ahead === 0) return [];
    const others = { sequences: decoding.length - 1, tokens: decoding.length - 1 };
    const seconds = (tokens: number): number => this.#times.seconds(tokens);
    const drafts = decoding.map((sequence) => {
      // A pass has room for a token and the draft; tokens that the cache could not keep take some of it.
      const room = Math.max(0, ahead + 1 - sequence.behind);
      const depth = adaptive ? bestDraftLength({ ...sequence.outlook, seconds }, room, others) : room;
      others.tokens += depth;
      return sequence.draft(depth).then(() => depth);
    });
    return Promise.all(drafts);
  }

  /** Records that a pass over `tokens` of sequences that all decode took `seconds`. */
  record(tokens: number, seconds: number): void {
    this.#times.record(tokens, seconds);
  }
}
