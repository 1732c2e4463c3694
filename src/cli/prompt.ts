import { EngineError } from '../base/errors.ts';
import type { Model } from '../engine/model.ts';
import type { Message } from '../text/chat-template.ts';

export interface PromptFlags {
  /** Instructions that come before the prompt. */
  readonly system?: string | undefined;
  /** Without the chat template. */
  readonly raw?: boolean | undefined;
}

/**
 * The tokens of a prompt as the model wants it: with its chat template unless that is not wanted, or there is none.
 * Throws NO_PROMPT, TEMPLATE_FAILED.
 */
export function tokensOf(model: Model, prompt: string, flags: PromptFlags = {}): readonly number[] {
  if (prompt === '') throw new EngineError('NO_PROMPT', {});
  return model.tokenize(flags.raw || !model.hasTemplate ? rawOf(prompt, flags) : messagesOf(prompt, flags));
}

/** The prompt as one text. */
export const rawOf = (prompt: string, { system }: PromptFlags): string =>
  system === undefined ? prompt : `${system}\n\n${prompt}`;

/** The prompt as messages. */
export function messagesOf(prompt: string, { system }: PromptFlags): readonly Message[] {
  const user: Message = { role: 'user', content: prompt };
  return system === undefined ? [user] : [{ role: 'system', content: system }, user];
}
