import type { Conversation, Message } from './message.ts';

/** Lines of a message that are looked for. */
const mostLines = 16;

/** Messages of whose text a template shows nothing. */
export const droppedMessages = (messages: readonly Message[], prompt: string): readonly Message[] =>
  messages.filter(({ content, role }) => {
    const lines = content
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '')
      .slice(0, mostLines);
    // Templates write results in forms of their own, and leave out thoughts of earlier answers.
    if (lines.length === 0 || role === 'tool' || (role === 'assistant' && content.includes('<'))) return false;
    return !lines.some((line) => prompt.includes(line));
  });

/** All texts of a conversation that are not the template's. */
export const saidTexts = ({ messages, tools }: Conversation): readonly string[] => [
  ...messages.flatMap(({ content, thinking = '', toolCalls = [], toolName = '', toolCallId = '' }) => [
    content,
    thinking,
    toolName,
    toolCallId,
    ...toolCalls.flatMap((call) => [call.id, call.name, call.arguments]),
  ]),
  ...(tools ? [JSON.stringify(tools)] : []),
];
