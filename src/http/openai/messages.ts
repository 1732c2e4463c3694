import * as z from 'zod';
import type { Message } from '../../chat/message.ts';
import { anyList, listOf } from '../request/lists.ts';

type Context = z.core.$RefinementCtx;

const problem = (context: Context, field: string, message: string): void =>
  context.addIssue({ code: 'custom', path: [field], message });

/** Refuses a field, since the answer would be another one without it. */
const unsupported = (context: Context, field: string, what: string): void =>
  context.addIssue({
    code: 'custom',
    path: [field],
    message: `${what} not supported yet`,
    params: { code: 'not_supported' },
  });

const Part = z.looseObject({ type: z.string(), text: z.string().optional() }).superRefine((part, context) => {
  if (part.type !== 'text') unsupported(context, 'type', `content of type "${part.type}" is`);
  else if (part.text === undefined) problem(context, 'text', 'expected a string');
});

const Content = z.union([z.string(), listOf(Part)], 'expected a string or a list of parts');

const ChatMessage = z
  .looseObject({
    role: z.enum(['system', 'developer', 'user', 'assistant', 'tool', 'function']),
    content: Content.nullish(),
    tool_calls: anyList.nullish(),
    function_call: z.unknown().optional(),
  })
  .superRefine(({ role, content, tool_calls, function_call }, context) => {
    if (role === 'tool' || role === 'function') unsupported(context, 'role', `messages of role "${role}" are`);
    if (tool_calls?.length) unsupported(context, 'tool_calls', 'tool calls are');
    if (function_call) unsupported(context, 'function_call', 'function calls are');
    if (role !== 'assistant' && (content ?? undefined) === undefined) {
      problem(context, 'content', 'expected a string or a list of parts');
    }
  })
  .transform(
    ({ role, content }): Message => ({
      role: role === 'user' || role === 'assistant' ? role : 'system',
      content: typeof content === 'string' ? content : (content ?? []).map(({ text }) => text).join('\n'),
    }),
  );

/** Messages as OpenAI's clients send them; a message that the model's template cannot show is refused. */
export const Messages: z.ZodType<readonly Message[]> = listOf(ChatMessage, { least: 1 });
