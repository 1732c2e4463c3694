import { strftime } from '../jinja/strftime.ts';
import type { Conversation, Message, Tool, ToolCall } from './message.ts';
import { shownTools } from './tools/adapt-tools.ts';
import { type CallForm, usualForm } from './tools/tool-support.ts';

/** The form of what a conversation says. */
export interface VariableForm {
  /** Form of calls of tools; default: the usual one. */
  readonly form?: CallForm | undefined;
  /** Changes each text of a message, by the message's role, or of tools. Default: all are as they are. */
  readonly mark?: ((text: string, role: string) => string) | undefined;
}

/** Variables of a template that a conversation sets, as Hugging Face's templates know them. */
export const templateVariables = (
  conversation: Conversation,
  { form = usualForm, mark }: VariableForm = {},
): Readonly<Record<string, unknown>> => {
  const marked = (value: object, role: string): object =>
    mark ? (mapTexts(value, (text) => mark(text, role)) as object) : value;
  return {
    ...thinkingVariables(conversation.think),
    ...conversation.templateArguments,
    ...marked(toolVariables(conversation), 'system'),
    messages: conversation.messages.map((message) => marked(messageVariable(message, form), message.role)),
  };
};

/**
 * Names and values that few templates use, for those that refuse the usual ones: no tools as an empty list, the tools and
 * the time as texts, and another word for no thoughts.
 */
export function rareVariables(
  { tools, reasoning_effort: effort }: Readonly<Record<string, unknown>>,
  now: Date,
): Readonly<Record<string, unknown>> {
  const none = effort === 'none' ? { reasoning_effort: 'no_think' } : {};
  return {
    ...none,
    tools: tools ?? [],
    functions: JSON.stringify(tools ?? [], null, 4),
    datetime: strftime(now, '%b %d %Y'),
  };
}

/** Members whose texts are words of the format. */
const words: readonly string[] = ['role', 'type'];

/** A value of JSON with other texts. */
function mapTexts(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((one) => mapTexts(one, change));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, words.includes(key) ? inner : mapTexts(inner, change)]),
  );
}

function toolVariables(conversation: Conversation): object {
  const { toolChoice, parallelToolCalls } = conversation;
  const tools = shownTools(conversation);
  if (tools.length === 0) return { tools: null };
  return {
    tools: tools.map(toolVariable),
    ...(typeof toolChoice === 'string' && { tool_choice: toolChoice }),
    ...(parallelToolCalls !== undefined && { parallel_tool_calls: parallelToolCalls }),
  };
}

const toolVariable = ({ name, description, parameters }: Tool): object => ({
  type: 'function',
  function: { name, description, parameters },
});

/** A message under all names that templates know its parts by; a part that it has not is not defined. */
const messageVariable = (
  { role, content, thinking, toolCalls, toolName, toolCallId }: Message,
  form: CallForm,
): object => ({
  role,
  content: form.noContent && content === '' && toolCalls?.length ? null : content,
  ...(thinking ? { reasoning_content: thinking, thinking, reasoning: thinking } : {}),
  ...(toolCalls?.length ? { tool_calls: toolCalls.map((call) => callVariable(call, form)) } : {}),
  ...(toolName === undefined ? {} : { name: toolName }),
  ...(toolCallId === undefined ? {} : { tool_call_id: toolCallId }),
});

const callVariable = (call: ToolCall, { argumentsAsText }: CallForm): object => ({
  id: call.id,
  type: 'function',
  function: { name: call.name, arguments: argumentsAsText ? call.arguments : argumentsOf(call) },
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
  const effort =
    typeof think === 'string' ? { reasoning_effort: think, thinking_effort: think, reasoning_strength: think } : {};
  return { enable_thinking: thinks, thinking: thinks, thinking_mode: thinks ? 'enabled' : 'disabled', ...effort };
}
