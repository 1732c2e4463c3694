import * as z from 'zod';
import type { Message } from '../../chat/message.ts';
import { given } from '../request/given.ts';
import { listOf } from '../request/lists.ts';
import { parsedBy } from '../request/parsed-by.ts';
import { unreadContent } from '../request/unread-content.ts';

const texts: readonly string[] = ['input_text', 'output_text', 'text', 'summary_text', 'reasoning_text'];

const Part = z
  .looseObject({ type: z.string(), text: z.string().optional(), refusal: z.string().optional() })
  .superRefine(({ type, text, refusal }, context) => {
    const problem = (path: string, message: string, code: string): void =>
      context.addIssue({ code: 'custom', path: [path], message, params: { code } });
    if (type !== 'refusal' && !texts.includes(type)) {
      problem('type', unreadContent(type), 'not_supported');
    } else if ((text ?? refusal) === undefined) problem('text', 'expected a string', 'invalid_value');
  })
  .transform(({ text, refusal }) => text ?? refusal ?? '');

const Content = z
  .union([z.string(), listOf(Part)], 'expected a string or a list of parts')
  .transform((content) => (typeof content === 'string' ? content : content.join('\n')));

const withType = { type: given(z.string()) };

/** Items of an input as parts of messages: neighbours of the assistant become one message. */
const items = {
  message: z
    .looseObject({ ...withType, role: z.enum(['user', 'assistant', 'system', 'developer']), content: Content })
    .transform(({ role, content }): Message => ({ role: role === 'developer' ? 'system' : role, content })),
  function_call: z
    .looseObject({ ...withType, call_id: z.string(), name: z.string(), arguments: z.string() })
    .transform(({ call_id, name, arguments: json }): Message => {
      return { role: 'assistant', content: '', toolCalls: [{ id: call_id, name, arguments: json }] };
    }),
  function_call_output: z
    .looseObject({ ...withType, call_id: z.string(), output: Content })
    .transform(({ call_id, output }): Message => ({ role: 'tool', toolCallId: call_id, content: output })),
  reasoning: z
    .looseObject({
      ...withType,
      content: given(Content),
      summary: given(Content),
      encrypted_content: given(z.string()),
    })
    .transform(({ content, summary, encrypted_content }): Message => {
      return { role: 'assistant', content: '', thinking: content || summary || encrypted_content || '' };
    }),
};

const Item = z.looseObject(withType).transform((item, context): Message => {
  const type = item.type ?? 'message';
  if (!Object.hasOwn(items, type)) {
    const message = `items of type "${type}" are not supported yet`;
    context.addIssue({ code: 'custom', path: ['type'], message, params: { code: 'not_supported' } });
    return z.NEVER;
  }
  return parsedBy(items[type as keyof typeof items], item, context) ?? z.NEVER;
});

/** The message of two that follow each other, both the assistant's. */
const joined = (a: Message, b: Message): Message => {
  const thinking = [a.thinking, b.thinking].filter(Boolean).join('\n');
  const toolCalls = [...(a.toolCalls ?? []), ...(b.toolCalls ?? [])];
  return {
    role: 'assistant',
    content: [a.content, b.content].filter(Boolean).join('\n'),
    ...(thinking && { thinking }),
    ...(toolCalls.length > 0 && { toolCalls }),
  };
};

/** Items as messages; results of tools have the names of their calls. */
function messagesOf(items: readonly Message[]): readonly Message[] {
  const messages: Message[] = [];
  const names = new Map<string, string>();
  for (const item of items) {
    const last = messages.at(-1);
    for (const { id, name } of item.toolCalls ?? []) names.set(id, name);
    const toolName = item.toolCallId === undefined ? undefined : names.get(item.toolCallId);
    if (item.role === 'assistant' && last?.role === 'assistant') messages[messages.length - 1] = joined(last, item);
    else messages.push(toolName === undefined ? item : { ...item, toolName });
  }
  return messages;
}

/** An input as OpenAI's clients send it: a text, or items. */
export const Input: z.ZodType<readonly Message[]> = z
  .union([z.string(), listOf(Item, { least: 1 })], 'expected a string or a list of items')
  .transform((input) => (typeof input === 'string' ? [{ role: 'user', content: input }] : messagesOf(input)));
