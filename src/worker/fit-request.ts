import { EngineError } from '../base/errors.ts';
import type { Message, Tool } from '../chat/message.ts';
import type { GenerationRequest, Prompt } from './backend.ts';
import type { EngineFacts } from './protocol.ts';

/** The largest prompt. */
interface PromptLimits {
  readonly tokens: number;
  /** UTF-16 units; a token stands for no more of them than it has bytes. */
  readonly text: number;
}

/**
 * Spares the engine prompts that are far too long to fit: making tokens of megabytes takes seconds, in which nobody is
 * answered, and memory beside the budget. Returns the request, shorter if it wants to be truncated. Throws
 * CONTEXT_TOO_LONG.
 */
export function fitRequest(
  request: GenerationRequest,
  { context, longestToken }: Pick<EngineFacts, 'context' | 'longestToken'>,
): GenerationRequest {
  const tokens = Math.min(context, request.context ?? context);
  const most: PromptLimits = { tokens, text: tokens * longestToken };
  const prompt = request.truncate ? truncated(request.prompt, most) : request.prompt;
  const least = (request.before?.length ?? 0) + leastTokens(prompt, longestToken);
  if (least > tokens && !(request.truncate && prompt.kind !== 'chat')) {
    throw new EngineError('CONTEXT_TOO_LONG', { prompt: least, context: tokens, atLeast: prompt.kind !== 'tokens' });
  }
  return prompt === request.prompt ? request : { ...request, prompt };
}

/** UTF-16 units of the texts of a prompt, or its tokens. */
export function unitsOf(prompt: Prompt): number {
  if (prompt.kind === 'tokens') return prompt.tokens.length;
  if (prompt.kind === 'text') return prompt.text.length;
  if (prompt.kind === 'infill') {
    const { prefix, suffix, files = [] } = prompt;
    return files.reduce((sum, { text }) => sum + text.length, prefix.length + suffix.length);
  }
  return prompt.messages.reduce((sum, message) => sum + unitsOfMessage(message), unitsOfTools(prompt.tools));
}

const unitsOfMessage = ({ content, thinking = '', toolCalls = [] }: Message): number =>
  content.length + thinking.length + toolCalls.reduce((sum, call) => sum + call.arguments.length, 0);

const unitsOfTools = (tools: readonly Tool[] | undefined): number =>
  tools === undefined ? 0 : JSON.stringify(tools).length;

/** A lower bound of the prompt's tokens. Templates may leave out the spaces around a message. */
function leastTokens(prompt: Prompt, longestToken: number): number {
  switch (prompt.kind) {
    case 'tokens':
      return prompt.tokens.length;
    case 'text':
      return Math.ceil(prompt.text.length / longestToken);
    case 'infill':
      return Math.ceil(unitsOf(prompt) / longestToken);
    case 'chat': {
      const length = prompt.messages.reduce((sum, { content }) => sum + content.trim().length, 0);
      return Math.max(prompt.messages.length, Math.ceil(length / longestToken));
    }
    default:
      return prompt satisfies never;
  }
}

/** The prompt without parts that are certainly cut off. */
function truncated(prompt: Prompt, most: PromptLimits): Prompt {
  switch (prompt.kind) {
    case 'tokens':
    case 'infill':
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
