import type { Pointer } from '../ggml/library.ts';
import type { Llama } from '../ggml/llama.ts';

/** Tokens for filling in: one before each part, and those of other files where there are such. */
export interface InfillTokens {
  readonly prefix: number;
  readonly suffix: number;
  /** Token behind which the model begins. */
  readonly middle: number;
  readonly repository: number | undefined;
  /** Token before the name of each file. */
  readonly separator: number | undefined;
}

/** The tokens of a vocabulary for filling in; undefined where one of the three that it takes is missing. */
export function infillTokensOf(llama: Llama, vocab: Pointer): InfillTokens | undefined {
  const known = (token: number): number | undefined => (token < 0 ? undefined : token);
  const prefix = known(llama.llama_vocab_fim_pre(vocab));
  const suffix = known(llama.llama_vocab_fim_suf(vocab));
  const middle = known(llama.llama_vocab_fim_mid(vocab));
  if (prefix === undefined || suffix === undefined || middle === undefined) return undefined;
  const repository = known(llama.llama_vocab_fim_rep(vocab));
  const separator = known(llama.llama_vocab_fim_sep(vocab));
  return { prefix, suffix, middle, repository, separator };
}
