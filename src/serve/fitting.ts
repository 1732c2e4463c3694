import { EngineError } from '../base/errors.ts';
import type { EngineFacts } from './child/protocol.ts';
import type { Ask, Prompt } from './hub.ts';

/** What a prompt may have at most. */
interface Most {
  readonly tokens: number;
  /** UTF-16 units, of which a token stands for no more than bytes. */
  readonly text: number;
}

/**
 * Spares the engine what is far too long to fit: making tokens of megabytes takes seconds, in which nobody is answered,
 * and memory beside its budget. Returns the request, shorter if it wants to be truncated. Throws CONTEXT_TOO_LONG.
 */
export function fitting(ask: Ask, { context, longestToken }: Pick<EngineFacts, 'context' | 'longestToken'>): Ask {
  const tokens = Math.min(context, ask.context ?? context);
  const most: Most = { tokens, text: tokens * longestToken };
  const prompt = ask.truncate ? truncated(ask.prompt, most) : ask.prompt;
  const least = (ask.before?.length ?? 0) + leastTokens(prompt, longestToken);
  if (least > tokens && !(ask.truncate && prompt.kind !== 'chat')) {
    throw new EngineError('CONTEXT_TOO_LONG', { prompt: least, context: tokens, atLeast: prompt.kind !== 'tokens' });
  }
  return prompt === ask.prompt ? ask : { ...ask, prompt };
}

/** UTF-16 units of the texts of a prompt, or its tokens. */
export function unitsOf(prompt: Prompt): number {
  if (prompt.kind === 'tokens') return prompt.tokens.length;
  if (prompt.kind === 'text') return prompt.text.length;
  return prompt.messages.reduce((sum, { content }) => sum + content.length, 0);
}

/** As many tokens as it has in any case. Templates may leave out the spaces around a message. */
function leastTokens(prompt: Prompt, longestToken: number): number {
  switch (prompt.kind) {
    case 'tokens':
      return prompt.tokens.length;
    case 'text':
      return Math.ceil(prompt.text.length / longestToken);
    case 'chat': {
      const length = prompt.messages.reduce((sum, { content }) => sum + content.trim().length, 0);
      return Math.max(prompt.messages.length, Math.ceil(length / longestToken));
    }
    default:
      return prompt satisfies never;
  }
}

/** Without what is certainly cut off. */
function truncated(prompt: Prompt, most: Most): Prompt {
  switch (prompt.kind) {
    case 'tokens':
      return prompt;
    case 'text':
      return prompt.text.length > most.text ? { ...prompt, text: prompt.text.slice(-most.text) } : prompt;
    case 'chat': {
      const { messages } = prompt;
      let count = messages.length;
      let length = messages.reduce((sum, { content }) => sum + content.trim().length, 0);
      const left = messages.filter(({ role, content }, i) => {
        const fits = count <= most.tokens && length <= most.text;
        if (fits || role === 'system' || i === messages.length - 1) return true;
        count -= 1;
        length -= content.trim().length;
        return false;
      });
      return count < messages.length ? { ...prompt, messages: left } : prompt;
    }
    default:
      return prompt satisfies never;
  }
}
