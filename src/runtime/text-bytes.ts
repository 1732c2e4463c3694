/** The most tokens that an n-gram drafter remembers: the newer half of a longer text, and the tokens after that. */
export const mostRemembered: number = 2 ** 16;

/** Bytes that an n-gram drafter takes at most for a text of so many tokens. */
const ngramBytes = (tokens: number): number => 32 * Math.max(512, Math.min(tokens, mostRemembered));

/**
 * Bytes that JavaScript takes at most for a token. Each sequence has it in a list of 4 bytes three times: in its text, in
 * that of its cache, and in a prompt that waits for a cache; and twice where a draft model reads the text as well. Once
 * in all there is an array that is read or told (8, and while it grows 12), with its JSON and its characters.
 */
const tokenBytes = { sequence: 12, drafting: 8, passing: 24 };

/** Texts, as far as their bytes depend on them. */
interface Texts {
  /** Tokens that each may have. */
  readonly context: number;
  readonly parallel: number;
  /** The most draft tokens of a pass; 0 if there are no drafts. */
  readonly ahead: number;
  /** True if a model drafts. */
  readonly draftModel: boolean;
}

/** Bytes that the tokens of texts take beside their keys and values, however long they become. */
export function textBytes({ context, parallel, ahead, draftModel }: Texts): number {
  const sequence = context * (tokenBytes.sequence + (draftModel ? tokenBytes.drafting : 0));
  return parallel * (sequence + (ahead > 0 ? ngramBytes(context) : 0)) + context * tokenBytes.passing;
}
