import { endMark } from './control-marks.ts';
import type { Conversation, Message } from './message.ts';

/** A last message of the assistant that the model goes on with. */
export interface BegunAnswer {
  /** The part of the message that goes on. */
  readonly kind: 'content' | 'thinking';
  readonly text: string;
  /** The conversation with a mark where the model goes on. */
  readonly marked: Conversation;
  /** The conversation without the message. */
  readonly before: Conversation;
}

/** True if the last message is to be gone on with: an assistant's, unless the conversation says otherwise. */
function continues({ messages, continueLast, addGenerationPrompt }: Conversation): boolean {
  const last = messages.at(-1);
  if (last?.role !== 'assistant' || last.toolCalls?.length) return false;
  return continueLast ?? addGenerationPrompt === undefined;
}

/** The answer that a conversation begins; undefined if it begins none. */
export function begunAnswer(conversation: Conversation): BegunAnswer | undefined {
  const last = conversation.messages.at(-1);
  if (!last || !continues(conversation)) return undefined;
  const { content, thinking = '' } = last;
  const withLast = (...messages: readonly Message[]): Conversation => ({
    ...conversation,
    messages: [...conversation.messages.slice(0, -1), ...messages],
  });
  const before = withLast();
  if (content === '' && thinking !== '') {
    return { kind: 'thinking', text: thinking, marked: withLast({ ...last, thinking: thinking + endMark }), before };
  }
  return { kind: 'content', text: content, marked: withLast({ ...last, content: content + endMark }), before };
}
