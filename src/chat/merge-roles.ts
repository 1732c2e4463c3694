import type { Conversation, Message } from './message.ts';

/**
 * Forms of a conversation, from the one that is given to those that ever stricter templates take: without other
 * roles, without a system role, with turns of user and assistant that the user begins.
 */
export function* acceptableForms(conversation: Conversation): Generator<readonly Message[], void, void> {
  const { messages } = conversation;
  yield messages;
  const steps = [withoutOthers, withoutSystem, withTurns];
  const applied = new Set<string>([keyOf(messages)]);
  for (const choice of choices(steps.length)) {
    const form = steps.reduce((all, step, i) => (choice & (1 << i) ? step(all) : all), messages);
    if (applied.has(keyOf(form))) continue;
    applied.add(keyOf(form));
    yield form;
  }
}

/** Sets of steps as bits, those of fewer steps first. */
const choices = (steps: number): readonly number[] =>
  Array.from({ length: 2 ** steps - 1 }, (_, i) => i + 1).sort((one, other) => bits(one) - bits(other) || one - other);

const bits = (set: number): number => (set === 0 ? 0 : (set & 1) + bits(set >> 1));

/** The roles, in which alone forms differ. */
const keyOf = (messages: readonly Message[]): string => messages.map(({ role }) => role).join(' ');

/** Moves the system's text in front of the first user message. */
function withoutSystem(messages: readonly Message[]): readonly Message[] {
  const system = messages.filter(({ role }) => role === 'system').map(({ content }) => content);
  const others = messages.filter(({ role }) => role !== 'system');
  const first = others.findIndex(({ role }) => role === 'user');
  if (system.length === 0) return messages;
  const user = others[first];
  if (!user) return [{ role: 'user', content: system.join('\n\n') }, ...others];
  return others.with(first, { ...user, content: [...system, user.content].join('\n\n') });
}

/** Joins neighbours of one role by an empty line; before an assistant's greeting comes an empty message of the user. */
function withTurns(messages: readonly Message[]): readonly Message[] {
  const turns: Message[] = [];
  for (const message of messages) {
    const last = turns.at(-1);
    if (message.role === 'assistant' && (!last || last.role === 'system')) turns.push({ role: 'user', content: '' });
    if (last?.role === message.role && message.role !== 'tool') turns[turns.length - 1] = together(last, message);
    else turns.push(message);
  }
  return turns;
}

function together(one: Message, other: Message): Message {
  const joined = (texts: readonly (string | undefined)[]): string => texts.filter((text) => text).join('\n\n');
  const thinking = joined([one.thinking, other.thinking]);
  const toolCalls = [...(one.toolCalls ?? []), ...(other.toolCalls ?? [])];
  return {
    ...one,
    content: joined([one.content, other.content]),
    ...(thinking !== '' && { thinking }),
    ...(toolCalls.length > 0 && { toolCalls }),
  };
}

const known: readonly string[] = ['system', 'user', 'assistant', 'tool'];

/** True for roles that nearly all templates know. */
export const isKnown = (role: string): boolean => known.includes(role);

/** Gives messages of roles that few templates know to the user. */
const withoutOthers = (messages: readonly Message[]): readonly Message[] =>
  messages.map((message) => (isKnown(message.role) ? message : { ...message, role: 'user' }));
