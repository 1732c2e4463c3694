import * as z from 'zod';
import type { Conversation, Message } from '../../chat/message.ts';
import type { ThinkLevel } from '../../chat/think-levels.ts';
import { given } from '../request/given.ts';
import { thinkLevel } from '../request/think-level.ts';
import { type ToolFields, toolFields, toolsIn } from '../request/tools.ts';
import { Messages } from './messages.ts';

/** Fields of a body that make up a conversation: OpenAI's, and those of llama-server and vLLM. */
interface ConversationFields extends ToolFields {
  readonly messages: readonly Message[];
  /** Whether the model thinks, or how much: "none", "low", … */
  readonly reasoning_effort: ThinkLevel | undefined;
  readonly reasoning: { readonly effort: ThinkLevel | undefined } | undefined;
  /** More variables of the chat template. */
  readonly chat_template_kwargs: Readonly<Record<string, unknown>> | undefined;
  /** Whether the prompt ends with the begin of a new answer, or with the last message. */
  readonly add_generation_prompt: boolean | undefined;
  readonly continue_final_message: boolean | undefined;
  /** Whether names of control tokens in messages are these tokens. */
  readonly parse_special: boolean | undefined;
}

export const conversationFields: { readonly [K in keyof ConversationFields]: z.ZodType<ConversationFields[K]> } = {
  messages: Messages,
  ...toolFields,
  reasoning_effort: thinkLevel,
  reasoning: given(z.looseObject({ effort: thinkLevel })),
  chat_template_kwargs: given(z.record(z.string(), z.unknown())),
  add_generation_prompt: given(z.boolean()),
  continue_final_message: given(z.boolean()),
  parse_special: given(z.boolean()),
};

/** Refuses wishes that contradict each other. */
export function checkContinuation(
  { add_generation_prompt, continue_final_message }: ConversationFields,
  context: z.core.$RefinementCtx,
): void {
  if (!add_generation_prompt || !continue_final_message) return;
  const message = 'asks for a new answer and for one that goes on: continue_final_message must be false then';
  context.addIssue({ code: 'custom', path: ['add_generation_prompt'], message });
}

/** The conversation in a body. */
export function conversationIn(body: ConversationFields): Conversation {
  const effort = body.reasoning_effort ?? body.reasoning?.effort;
  return {
    messages: body.messages,
    ...toolsIn(body),
    ...(effort !== undefined && { think: effort === 'none' ? false : effort }),
    ...(body.add_generation_prompt !== undefined && { addGenerationPrompt: body.add_generation_prompt }),
    ...(body.continue_final_message !== undefined && { continueLast: body.continue_final_message }),
    ...(body.parse_special && { parseSpecial: true }),
    ...(body.chat_template_kwargs && { templateArguments: body.chat_template_kwargs }),
  };
}
