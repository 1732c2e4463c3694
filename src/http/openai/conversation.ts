import * as z from 'zod';
import type { Conversation, Message } from '../../chat/message.ts';
import { type ToolFields, toolFields, toolsIn } from '../request/tools.ts';
import { Messages } from './messages.ts';

/** Fields of a body that make up a conversation: OpenAI's, and those of llama-server and vLLM. */
interface ConversationFields extends ToolFields {
  readonly messages: readonly Message[];
  /** Whether the model thinks, or how much: "none", "low", … */
  readonly reasoning_effort: string | undefined;
  readonly reasoning: { readonly effort: string | undefined } | undefined;
  /** More variables of the chat template. */
  readonly chat_template_kwargs: Readonly<Record<string, unknown>> | undefined;
}

/** A field that may be left out; null means the same. */
const given = <T>(schema: z.ZodType<T>): z.ZodType<T | undefined> =>
  schema.nullish().transform((value) => value ?? undefined);

export const conversationFields: { readonly [K in keyof ConversationFields]: z.ZodType<ConversationFields[K]> } = {
  messages: Messages,
  ...toolFields,
  reasoning_effort: given(z.string()),
  reasoning: given(z.looseObject({ effort: given(z.string()) })),
  chat_template_kwargs: given(z.record(z.string(), z.unknown())),
};

/** The conversation in a body. */
export function conversationIn(body: ConversationFields): Conversation {
  const effort = body.reasoning_effort ?? body.reasoning?.effort;
  return {
    messages: body.messages,
    ...toolsIn(body),
    ...(effort !== undefined && { think: effort === 'none' ? false : effort }),
    ...(body.chat_template_kwargs && { templateArguments: body.chat_template_kwargs }),
  };
}
