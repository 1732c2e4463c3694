/** What a sequence waits to have computed. */
export interface Pending {
  /** Tokens that are not stored yet. */
  readonly tokens: number;
  /** It has its prompt behind it: one token at a time. */
  readonly decoding: boolean;
}

export interface PassLimits {
  /** The most tokens of one prompt at once. */
  readonly batch: number;
  /** The most tokens of all sequences together: a batch, and one token of each other sequence. */
  readonly tokens: number;
  /** The most tokens of prompts while somebody decodes. */
  readonly chunk: number;
  /** Prompts are divided in the same way whoever else is there: at multiples of `batch`. */
  readonly exact: boolean;
}

/**
 * How many tokens of each sequence the next pass takes, first come first served: one of each that decodes, then as many
 * of the prompts as there is room for. At least one token in all if there are any.
 */
export function schedule(pending: readonly Pending[], limits: PassLimits): readonly number[] {
  const decoding = pending.filter((sequence) => sequence.decoding).length;
  let room = limits.tokens - decoding;
  let prompts = decoding > 0 && !limits.exact ? limits.chunk : room;
  return pending.map(({ tokens, decoding }) => {
    if (decoding) return Math.min(1, tokens);
    const wanted = Math.min(tokens, limits.batch);
    const granted = Math.max(0, Math.min(wanted, room, prompts));
    const taken = limits.exact && granted < wanted ? 0 : granted;
    room -= taken;
    prompts -= taken;
    return taken;
  });
}
