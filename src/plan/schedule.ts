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
  /** Whether the tokens of each sequence in a pass must be equally many. */
  readonly even: boolean;
  /** Where they must, whether prompts go before those that decode, if both wait. Alternate, and neither starves. */
  readonly promptsFirst: boolean;
}

/**
 * The number of tokens of each sequence in the next pass, first come first served: all of those that decode, then as
 * many of the prompts as there is room for. At least one token in all if there are any.
 */
export function schedule(pending: readonly PendingTokens[], limits: PassLimits): readonly number[] {
  if (limits.even) return scheduleEvenly(pending, limits);
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

/**
 * Spans of one length: that of the first prompt, or of the longest of those that decode. Sequences that want more or fewer
 * tokens wait. A prompt is divided as it would be alone, unless several others decode: a token of each of these spares at
 * least the pass that one more part takes.
 */
function scheduleEvenly(pending: readonly PendingTokens[], limits: PassLimits): readonly number[] {
  const decoding = pending.filter((one) => one.decoding).map(({ tokens }) => tokens);
  const inParts = decoding.length > 1 && !limits.exact;
  const most = inParts ? Math.min(limits.batch, limits.chunk) : limits.batch;
  const prompt = pending.find((one) => !one.decoding);
  const prompts = prompt !== undefined && (limits.promptsFirst || decoding.length === 0);
  const length = prompts ? Math.min(prompt.tokens, most) : Math.max(0, ...decoding);
  let room = limits.tokens - length * decoding.filter((tokens) => tokens === length).length;
  if (prompts && inParts) room = Math.min(room, most);
  return pending.map(({ tokens, decoding }) => {
    if (decoding) return tokens === length ? length : 0;
    if (Math.min(tokens, most) !== length || length > room) return 0;
    room -= length;
    return length;
  });
}
