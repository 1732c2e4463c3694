/** Work that a sequence waits for. */
export interface PendingTokens {
  /** Tokens that are not stored yet. */
  readonly tokens: number;
  /** True once the prompt is computed: then the tokens are the last one and draft tokens. */
  readonly decoding: boolean;
}

export interface PassLimits {
  /** The most tokens of one prompt at once. */
  readonly batch: number;
  /** The most tokens of all sequences together: a batch, and what the others decode. */
  readonly tokens: number;
  /** The most tokens of prompts while somebody decodes. */
  readonly chunk: number;
  /** Whether prompts are divided in the same way whoever else is there: at multiples of `batch`. */
  readonly exact: boolean;
}

/**
 * The number of tokens of each sequence in the next pass, first come first served: all of those that decode, then as
 * many of the prompts as there is room for. At least one token in all if there are any.
 */
export function schedule(pending: readonly PendingTokens[], limits: PassLimits): readonly number[] {
  const decoding = pending.reduce((sum, { tokens, decoding }) => sum + (decoding ? tokens : 0), 0);
  let room = limits.tokens - decoding;
  let prompts = decoding > 0 && !limits.exact ? limits.chunk : room;
  return pending.map(({ tokens, decoding }) => {
    if (decoding) return tokens;
    const wanted = Math.min(tokens, limits.batch);
    const granted = Math.max(0, Math.min(wanted, room, prompts));
    const taken = limits.exact && granted < wanted ? 0 : granted;
    room -= taken;
    prompts -= taken;
    return taken;
  });
}
