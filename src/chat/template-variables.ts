import type { Conversation, Message, Tool, ToolCall } from './message.ts';

/** Variables of a template that a conversation sets, as Hugging Face's templates know them. */
export const templateVariables = (conversation: Conversation): Readonly<Record<string, unknown>> => ({
  ...thinkingVariables(conversation.think),
  ...conversation.templateArguments,
  messages: conversation.messages.map(messageVariable),
  tools: shownTools(conversation)?.map(toolVariable) ?? null,
});

/** Tools that the model is told of; undefined for none. */
function shownTools({ tools = [], toolChoice }: Conversation): readonly Tool[] | undefined {
  if (toolChoice === 'none' || tools.length === 0) return undefined;
  return tools;
}

const toolVariable = ({ name, description, parameters }: Tool): object => ({
  type: 'function',
  function: { name, description, parameters },
});

/** A message under all names that templates know its parts by; a part that it has not is not defined. */
const messageVariable = ({ role, content, thinking, toolCalls, toolName, toolCallId }: Message): object => ({
  role,
  content,
  ...(thinking ? { reasoning_content: thinking, thinking, reasoning: thinking } : {}),
  ...(toolCalls?.length ? { tool_calls: toolCalls.map(callVariable) } : {}),
  ...(toolName === undefined ? {} : { name: toolName }),
  ...(toolCallId === undefined ? {} : { tool_call_id: toolCallId }),
});

const callVariable = (call: ToolCall): object => ({
  id: call.id,
  type: 'function',
  function: { name: call.name, arguments: argumentsOf(call) },
});

/** The arguments as most templates want them, an object; the text where it is none. */
function argumentsOf(call: ToolCall): unknown {
  try {
    const value: unknown = JSON.parse(call.arguments);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch {
    // Not JSON: a model may write anything.
  }
  return call.arguments;
}

/** Switches of thinking under the names of all families; nothing where it is left to the template. */
function thinkingVariables(think: boolean | string | undefined): Readonly<Record<string, unknown>> {
  if (think === undefined) return {};
  const thinks = think !== false && think !== 'none';
  const effort = typeof think === 'string' ? { reasoning_effort: think } : {};
  return { enable_thinking: thinks, thinking: thinks, ...effort };
}
