import { EngineError } from '../base/errors.ts';
import type { ChatPrompt } from '../chat/message.ts';
import type { PreparedPrompt } from './prompt-tokenizer.ts';

/**
 * A prompt in any form: a text, which is taken as it is, a conversation, one that was prepared, or tokens.
 *
 * @example const prompt: AnyPrompt = 'Once upon a time';
 */
export type AnyPrompt = string | ChatPrompt | PreparedPrompt | readonly number[];

export const isPrepared = (prompt: AnyPrompt): prompt is PreparedPrompt =>
  typeof prompt === 'object' && 'tokens' in prompt;
export const isTokens = (prompt: AnyPrompt): prompt is readonly number[] =>
  Array.isArray(prompt) && typeof prompt[0] !== 'object';

/** Throws BAD_OPTION unless all are numbers of tokens. */
export function checkLengths(lengths: {
  readonly maxTokens: number;
  readonly longest: number;
  readonly thinkBudget: number;
}): void {
  for (const [option, value] of Object.entries(lengths)) {
    if (value >= 0) continue;
    throw new EngineError('BAD_OPTION', { option, value: `${value}`, expected: 'a number from 0 on' });
  }
}

/**
 * Throws BAD_OPTION for a token that a vocabulary of this size does not have, NO_PROMPT or, for an input of embeddings,
 * EMPTY_INPUT where there is none.
 */
export function checkTokens(tokens: readonly number[], size: number, option: 'prompt' | 'input' = 'prompt'): void {
  if (tokens.length === 0) throw new EngineError(option === 'prompt' ? 'NO_PROMPT' : 'EMPTY_INPUT', {});
  const wrong = tokens.find((token) => !Number.isInteger(token) || token < 0 || token >= size);
  if (wrong === undefined) return;
  throw new EngineError('BAD_OPTION', { option, value: `${wrong}`, expected: `tokens below ${size}` });
}
