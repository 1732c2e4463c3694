import { createHash } from 'node:crypto';
import type { Conversation, Message, Tool, ToolCall } from '../message.ts';
import type { CallFormat } from './call-format.ts';
import type { ToolSupport } from './tool-support.ts';
import { writeCall } from './write-call.ts';

/** True if a conversation has anything to do with tools. */
export const usesTools = ({ messages, tools = [], toolChoice }: Conversation): boolean =>
  (tools.length > 0 && toolChoice !== 'none') ||
  messages.some(({ role, toolCalls = [] }) => role === 'tool' || toolCalls.length > 0);

/** Tools that the model is told of: all, the chosen one, or none. */
export function shownTools({ tools = [], toolChoice = 'auto' }: Conversation): readonly Tool[] {
  if (toolChoice === 'none') return [];
  return typeof toolChoice === 'object' ? tools.filter(({ name }) => name === toolChoice.name) : tools;
}

/** Explains tools to a model whose template does not. */
const explained = (tools: readonly Tool[], format: CallFormat): string =>
  [
    'You can call tools. Each line between <tools> and </tools> describes one:',
    '<tools>',
    ...tools.map(({ name, description, parameters }) => JSON.stringify({ name, description, parameters })),
    '</tools>',
    'To call a tool, write nothing but its name and arguments that obey its parameters, in this form:',
    writeCall(format, { name: 'NAME', arguments: '{"PARAMETER": "VALUE"}' }),
    'The result comes in the next message. Where no tool helps, answer without one.',
  ].join('\n');

/** The way in which a model is told of tools, and calls them. */
export interface ToolForm {
  readonly support: ToolSupport;
  readonly format: CallFormat;
}

/**
 * A conversation with tools in a form that its template shows: names and ids of results are filled in; what the template
 * would leave out is written into texts.
 */
export function adaptTools(conversation: Conversation, { support, format }: ToolForm): Conversation {
  const tools = shownTools(conversation);
  const own = nameResults(conversation.messages);
  const named = support.longIds ? own : own.map(withShortIds);
  const messages = support.calls === undefined ? named.map((message) => withWrittenCalls(message, format)) : named;
  const results = support.results ? messages : messages.map(asUser);
  if (tools.length === 0 || support.definitions) return { ...conversation, messages: results, tools };
  return { ...conversation, messages: withSystem(results, explained(tools, format)), tools: [] };
}

/** Results with the name and the id of their call: the call with their id, else the first without a result so far. */
function nameResults(messages: readonly Message[]): readonly Message[] {
  let open: ToolCall[] = [];
  return messages.map((message) => {
    if (message.toolCalls?.length) open = [...message.toolCalls];
    if (message.role !== 'tool') return message;
    const { toolCallId, toolName } = message;
    const matches = ({ id, name }: ToolCall): boolean =>
      toolCallId === undefined ? toolName === undefined || name === toolName : id === toolCallId;
    const call = open.find(matches);
    open = open.filter((one) => one !== call);
    return { ...message, toolName: toolName ?? call?.name, toolCallId: toolCallId ?? call?.id };
  });
}

/** Ids of nine letters and digits, the only ones that Mistral's templates take. */
const shortId = (id: string): string =>
  /^[a-zA-Z\d]{9}$/.test(id) ? id : createHash('sha256').update(id).digest('hex').slice(0, 9);

const withShortIds = ({ toolCalls, toolCallId, ...message }: Message): Message => ({
  ...message,
  ...(toolCalls && { toolCalls: toolCalls.map((call) => ({ ...call, id: shortId(call.id) })) }),
  ...(toolCallId !== undefined && { toolCallId: shortId(toolCallId) }),
});

const withWrittenCalls = ({ toolCalls = [], ...message }: Message, format: CallFormat): Message => ({
  ...message,
  content: [message.content, ...toolCalls.map((call) => writeCall(format, call))]
    .filter((text) => text !== '')
    .join('\n'),
});

const asUser = (message: Message): Message =>
  message.role === 'tool'
    ? { role: 'user', content: `<tool_response>\n${message.content}\n</tool_response>` }
    : message;

function withSystem(messages: readonly Message[], text: string): readonly Message[] {
  const [first, ...others] = messages;
  if (first?.role !== 'system') return [{ role: 'system', content: text }, ...messages];
  return [{ ...first, content: `${first.content}\n\n${text}` }, ...others];
}
