import { EngineError } from '../base/errors.ts';
import type { Message } from '../chat/message.ts';
import type { Model } from '../model/model.ts';
import type { Settings } from './options/table.ts';

export type PromptFlags = Partial<Pick<Settings, 'system' | 'raw' | 'ctx'>>;

/**
 * The tokens of a prompt, with the model's chat template unless that is not wanted, or there is none. Throws NO_PROMPT,
 * TEMPLATE_FAILED, CONTEXT_TOO_LONG.
 */
export function tokenizePrompt(model: Model, prompt: string, flags: PromptFlags = {}): readonly number[] {
  if (prompt === '') throw new EngineError('NO_PROMPT', {});
  const wanted = flags.raw || !model.prompts.hasTemplate ? rawOf(prompt, flags) : messagesOf(prompt, flags);
  return model.tokenize(wanted, model.mostTokens(flags.ctx));
}

/**
 * The text of a stream: unchanged if the model gets it unchanged, else without the line ends behind it, which a shell
 * drops too. No more is read than could be a prompt: rejects with CONTEXT_TOO_LONG.
 */
export async function readPrompt(
  input: AsyncIterable<Uint8Array>,
  model: Pick<Model, 'mostTokens'> & { readonly prompts: Pick<Model['prompts'], 'checkLength' | 'hasTemplate'> },
  { ctx, raw }: PromptFlags,
): Promise<string> {
  const most = model.mostTokens(ctx);
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let text = '';
  for await (const bytes of input) {
    text += decoder.decode(bytes, { stream: true });
    model.prompts.checkLength(text.length, most);
  }
  text += decoder.decode();
  return raw || !model.prompts.hasTemplate ? text : withoutLineEnds(text);
}

function withoutLineEnds(text: string): string {
  let { length } = text;
  while (text[length - 1] === '\n' || text[length - 1] === '\r') length -= 1;
  return text.slice(0, length);
}

/** The prompt as one text. */
export const rawOf = (prompt: string, { system }: PromptFlags): string =>
  system === undefined ? prompt : `${system}\n\n${prompt}`;

/** The prompt as messages. */
export function messagesOf(prompt: string, { system }: PromptFlags): readonly Message[] {
  const user: Message = { role: 'user', content: prompt };
  return system === undefined ? [user] : [{ role: 'system', content: system }, user];
}
