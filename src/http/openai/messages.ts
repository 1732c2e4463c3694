import * as z from 'zod';
import type { Message } from '../../chat/message.ts';
import { roleOf } from '../../chat/roles.ts';
import { listOf } from '../request/lists.ts';
import { unreadContent } from '../request/unread-content.ts';

type Context = z.core.$RefinementCtx;

const problem = (context: Context, field: string, message: string): void =>
  context.addIssue({ code: 'custom', path: [field], message });

/** Refuses a field, since the answer would be another one without it. */
const unsupported = (context: Context, field: string, message: string): void =>
  context.addIssue({ code: 'custom', path: [field], message, params: { code: 'not_supported' } });

const Part = z.looseObject({ type: z.string(), text: z.string().optional() }).superRefine((part, context) => {
  if (part.type !== 'text') unsupported(context, 'type', unreadContent(part.type));
  else if (part.text === undefined) problem(context, 'text', 'expected a string');
});

const Content = z.union([z.string(), listOf(Part)], 'expected a string or a list of parts');

/** The arguments of a call are text; some clients send back the object that they have read from it, or nothing. */
const Arguments = z
  .union([z.string(), z.record(z.string(), z.unknown())], 'expected a string')
  .nullish()
  .transform((given) => (typeof given === 'string' ? given : JSON.stringify(given ?? {})));

const Called = z.looseObject({ name: z.string(), arguments: Arguments });
const Call = z.looseObject({ id: z.string().nullish(), function: Called });

const ChatMessage = z
  .looseObject({
    role: z.string().transform(roleOf),
    content: Content.nullish(),
    reasoning_content: z.string().nullish(),
    reasoning: z.string().nullish(),
    tool_calls: listOf(Call).nullish(),
    function_call: Called.nullish(),
    tool_call_id: z.string().nullish(),
    name: z.string().nullish(),
  })
  .superRefine(({ role, content }, context) => {
    if (role !== 'assistant' && (content ?? undefined) === undefined) {
      problem(context, 'content', 'expected a string or a list of parts');
    }
  })
  .transform((message): Message => {
    const { role, content, reasoning_content, reasoning, function_call, tool_call_id, name } = message;
    const thinking = reasoning_content || reasoning;
    const calls = message.tool_calls ?? (function_call ? [{ id: undefined, function: function_call }] : []);
    const toolCalls = calls.map((call, i) => ({
      id: call.id || `call_${i}`,
      name: call.function.name,
      arguments: call.function.arguments,
    }));
    return {
      role,
      content: typeof content === 'string' ? content : (content ?? []).map(({ text }) => text).join('\n'),
      ...(thinking && { thinking }),
      ...(toolCalls.length > 0 && { toolCalls }),
      ...(role === 'tool' && name && { toolName: name }),
      ...(tool_call_id && { toolCallId: tool_call_id }),
    };
  });

/** Messages as OpenAI's clients send them; those that are more than text are refused. */
export const Messages: z.ZodType<readonly Message[]> = listOf(ChatMessage, { least: 1 });
