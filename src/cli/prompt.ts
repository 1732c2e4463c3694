import { once } from 'node:events';
import { fstatSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { attempt } from '../base/attempt.ts';
import { EngineError } from '../base/errors.ts';
import type { Message } from '../chat/message.ts';
import type { Model } from '../model/model.ts';
import type { PreparedPrompt } from '../model/prompt-tokenizer.ts';
import type { Settings } from './options/table.ts';

export type PromptFlags = Partial<Pick<Settings, 'system' | 'raw' | 'ctx' | 'think' | 'parseSpecial'>>;

/**
 * A prompt as tokens, with the model's chat template unless that is not wanted, or there is none. Throws NO_PROMPT,
 * TEMPLATE_FAILED, CONTEXT_TOO_LONG.
 */
export function preparePrompt(model: Model, prompt: string, flags: PromptFlags = {}): PreparedPrompt {
  if (prompt === '') throw new EngineError('NO_PROMPT', {});
  const { think, parseSpecial } = flags;
  const raw = flags.raw || !model.prompts.hasTemplate;
  const wanted = raw ? rawOf(prompt, flags) : { messages: messagesOf(prompt, flags), think, parseSpecial };
  return model.prepare(wanted, model.mostTokens(flags.ctx));
}

/** Milliseconds in which a program that talks through a socket says something, if it will. */
const firstWord = 1000;

/**
 * True if a text comes through stdin: a file or a pipe, which end. Node starts programs with a socket that may stay open
 * though nothing is to come, so that one is waited for no longer than a second.
 */
export async function hasInput(stdin: typeof process.stdin = process.stdin): Promise<boolean> {
  const kind = attempt(() => fstatSync(stdin.fd));
  if (!kind || stdin.isTTY) return false;
  if (kind.isFile() || kind.isFIFO()) return true;
  if (!kind.isSocket()) return false;
  const waiting = new AbortController();
  const timer = setTimeout(() => waiting.abort(), firstWord);
  await once(stdin, 'readable', { signal: waiting.signal }).catch(() => {});
  clearTimeout(timer);
  // Where the model was opened meanwhile, the timer comes before what has been sent.
  await setImmediate();
  if (stdin.readableLength > 0) return true;
  // Else the program would wait for the socket's end when it has answered.
  stdin.pause().unref();
  return false;
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
