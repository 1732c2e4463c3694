import type { Runtime } from '../runtime/runtime.ts';
import { bestDraftLength } from './draft/draft-length.ts';
import type { Pass } from './pass.ts';
import { PassTimes } from './pass-times.ts';
import type { Sequence } from './sequence.ts';

/** Decides how many tokens sequences draft, by the time of passes and the share that is accepted. */
export class Speculation {
  readonly #times: PassTimes = new PassTimes();

  /**
   * Lets those of `active` that decode draft tokens, at most `ahead` each; with `adaptive` no more than pays. An error of a
   * drafter ends its sequence. Where spans have to be even, a sequence drafts only while it is alone: drafts of others would
   * rarely be as long.
   */
  async draft(active: readonly Sequence[], { limits, debug }: Pick<Runtime, 'limits' | 'debug'>): Promise<void> {
    const { ahead, adaptive, even } = limits;
    const present = active.filter((sequence) => !sequence.ended);
    const decoding = present.filter((sequence) => sequence.decoding);
    if (ahead === 0 || decoding.length === 0 || (even && present.length > 1)) return;
    const others = { sequences: decoding.length - 1, tokens: decoding.length - 1 };
    const seconds = (tokens: number): number => this.#times.seconds(tokens);
    const drafts = decoding.map(async (sequence) => {
      try {
        // A pass has room for a token and the draft; tokens that the cache could not keep take some of it.
        const room = Math.max(0, ahead + 1 - sequence.behind);
        const depth = adaptive ? bestDraftLength({ ...sequence.outlook, seconds }, room, others) : room;
        others.tokens += depth;
        await sequence.draft(depth);
        return depth;
      } catch (error) {
        sequence.fail(error as Error);
        return 0;
      }
    });
    const depths = await Promise.all(drafts);
    debug?.('drafted', { depths, tokens: decoding.map(({ draftTokens }) => draftTokens) });
  }

  /** Records that a pass took `seconds`; one that only decodes tells what draft tokens cost. */
  record({ tokens, prompts }: Pick<Pass, 'tokens' | 'prompts'>, seconds: number): void {
    if (prompts === 0) this.#times.record(tokens, seconds);
  }
}
