import * as z from 'zod';
import type { Message, ToolCall } from '../../chat/message.ts';
import { given } from '../request/given.ts';
import { listOf } from '../request/lists.ts';
import { parsedBy } from '../request/parsed-by.ts';
import { unreadContent } from '../request/unread-content.ts';

const TextBlock = z.looseObject({ type: z.literal('text'), text: z.string() });

const unread = (type: string, context: z.core.$RefinementCtx): void =>
  context.addIssue({ code: 'custom', path: ['type'], message: unreadContent(type), params: { code: 'not_supported' } });

const OnlyText = z.looseObject({ type: z.string() }).transform((block, context) => {
  if (block.type === 'text') return parsedBy(TextBlock, block, context) ?? z.NEVER;
  unread(block.type, context);
  return z.NEVER;
});
const Texts = z
  .union([z.string(), listOf(OnlyText)], 'expected a string or a list of text blocks')
  .transform((content) => (typeof content === 'string' ? content : content.map(({ text }) => text).join('\n')));

/** Blocks that a text model can read, by their types. */
const blocks = {
  text: TextBlock,
  thinking: z.looseObject({ type: z.literal('thinking'), thinking: z.string() }),
  redacted_thinking: z.looseObject({ type: z.literal('redacted_thinking') }),
  tool_use: z.looseObject({
    type: z.literal('tool_use'),
    id: z.string(),
    name: z.string(),
    input: given(z.looseObject({})),
  }),
  tool_result: z.looseObject({
    type: z.literal('tool_result'),
    tool_use_id: z.string(),
    content: given(Texts),
    is_error: given(z.boolean()),
  }),
};

type Block = z.output<(typeof blocks)[keyof typeof blocks]>;

const Block = z.looseObject({ type: z.string() }).transform((block, context): Block => {
  const schema = Object.hasOwn(blocks, block.type) ? blocks[block.type as keyof typeof blocks] : undefined;
  if (!schema) {
    unread(block.type, context);
    return z.NEVER;
  }
  return parsedBy<Block>(schema, block, context) ?? z.NEVER;
});

const Content = z.union([z.string(), listOf(Block)], 'expected a string or a list of blocks');

/**
 * The checksum that Claude Code puts into its first line of the system's text. It changes with every request, and
 * nothing behind it would be found in the prefix cache.
 */
const checksum = /^(x-anthropic-billing-header:[^\n]*?\bcch=)[0-9a-f]+(?=;)/;

/** The system's text: a string, or blocks. */
export const AnthropicSystem: z.ZodType<string | undefined> = given(
  Texts.transform((text) => text.replace(checksum, '$10')),
);

/** A result as the model reads it. No template has a place to say that a tool has failed: its text does. */
const resultOf = ({ content = '', is_error }: z.output<typeof blocks.tool_result>): string =>
  is_error !== true || /^\W*error\b/i.test(content) ? content : content === '' ? 'Error' : `Error: ${content}`;

/** A message as the template's messages: the results of tools in it are messages of their own. */
function messagesOf(role: string, content: string | readonly Block[]): readonly Message[] {
  if (typeof content === 'string') return [{ role, content }];
  const texts: string[] = [];
  const thoughts: string[] = [];
  const toolCalls: ToolCall[] = [];
  const results: Message[] = [];
  for (const block of content) {
    switch (block.type) {
      case 'text':
        texts.push(block.text);
        break;
      case 'thinking':
        thoughts.push(block.thinking);
        break;
      case 'tool_use':
        toolCalls.push({ id: block.id, name: block.name, arguments: JSON.stringify(block.input ?? {}) });
        break;
      case 'tool_result':
        results.push({ role: 'tool', toolCallId: block.tool_use_id, content: resultOf(block) });
        break;
      case 'redacted_thinking':
        break;
      default:
        block satisfies never;
    }
  }
  const message: Message = {
    role,
    content: texts.join('\n'),
    ...(thoughts.length > 0 ? { thinking: thoughts.join('\n') } : {}),
    ...(toolCalls.length > 0 ? { toolCalls } : {}),
  };
  // Results answer the calls before them, so they come first.
  return results.length > 0 && message.content === '' ? results : [...results, message];
}

/** Names of the tools whose results are given: the results themselves name only the call. */
function named(messages: readonly Message[]): readonly Message[] {
  const names = new Map<string, string>();
  return messages.map((message) => {
    for (const { id, name } of message.toolCalls ?? []) names.set(id, name);
    const toolName = message.toolCallId === undefined ? undefined : names.get(message.toolCallId);
    return toolName === undefined ? message : { ...message, toolName };
  });
}

const AnthropicMessage = z
  .looseObject({ role: z.enum(['user', 'assistant', 'system']), content: Content })
  .transform(({ role, content }) => messagesOf(role, content));

/** Messages as Anthropic's clients send them. */
export const AnthropicMessages: z.ZodType<readonly Message[]> = listOf(AnthropicMessage, { least: 1 }).transform(
  (messages) => named(messages.flat()),
);
