import type { Limits } from '../jinja/meter.ts';
import type { Conversation } from './message.ts';

/** Messages whose pairs are counted: some templates look back over all of them at each. */
const mostPaired = 500;

/**
 * Limits far beyond the needs of templates: of 68 real ones none took more than 6 steps and 20 bytes for a character of
 * its messages, nor more than 4 steps for a pair of them.
 */
export function limitsFor(conversation: Conversation, output: number): Limits {
  const characters = charactersOf(conversation);
  const pairs = Math.min(conversation.messages.length, mostPaired) ** 2;
  return {
    steps: 1_000_000 + 20 * characters + 20 * pairs,
    output,
    memory: 2 ** 23 + 40 * characters + 64 * pairs,
  };
}

/** UTF-16 units of a conversation that templates handle. */
const charactersOf = ({ messages, tools = [] }: Conversation): number =>
  messages.reduce(
    (sum, { content, thinking = '', toolCalls = [] }) =>
      toolCalls.reduce((sum, call) => sum + call.arguments.length, sum + content.length + thinking.length),
    tools.length === 0 ? 0 : JSON.stringify(tools).length,
  );
