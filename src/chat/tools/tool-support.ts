import { LimitError } from '../../jinja/errors.ts';
import type { Conversation, Message } from '../message.ts';

/** The parts of a conversation with tools that a chat template shows. */
export interface ToolSupport {
  /** Definitions of tools. */
  readonly definitions: boolean;
  /** Calls in earlier answers, in a form that the template understands; undefined: it leaves them out. */
  readonly calls: CallForm | undefined;
  /** Messages of the role `tool`. */
  readonly results: boolean;
  /** Ids of calls that are not made of nine letters and digits. */
  readonly longIds: boolean;
}

/** The form of an answer with calls that a template understands. */
export interface CallForm {
  /** Arguments are JSON text, not an object. */
  readonly argumentsAsText: boolean;
  /** An answer that is nothing but calls has no content, instead of an empty one. */
  readonly noContent: boolean;
}

/** The form that most templates understand. */
export const usualForm: CallForm = { argumentsAsText: false, noContent: false };
const forms: readonly CallForm[] = [
  usualForm,
  { argumentsAsText: true, noContent: false },
  { argumentsAsText: false, noContent: true },
  { argumentsAsText: true, noContent: true },
];

/** Words that no template has. */
const probe = { tool: 'probe_tool', parameter: 'probe_parameter' };
const called = { name: 'probe_call', key: 'probe_key', value: 'probe_value', result: 'probe_result' };

const user: Message = { role: 'user', content: 'Hi' };
const [shortId, longId] = ['probe0001', 'call_probe_0001'];
const historyOf = (id: string): readonly Message[] => [
  user,
  {
    role: 'assistant',
    content: '',
    toolCalls: [{ id, name: called.name, arguments: JSON.stringify({ [called.key]: called.value }) }],
  },
  { role: 'tool', content: called.result, toolName: called.name, toolCallId: id },
];
const tools = [
  {
    name: probe.tool,
    description: 'A probe.',
    parameters: { type: 'object', properties: { [probe.parameter]: { type: 'string', description: 'A value.' } } },
  },
];

/** Python's way to print a dictionary: a template that prints an object so wants the text. */
const printed = `{'${called.key}'`;

/**
 * Finds out what a template shows, by rendering small conversations with it. `render` throws where the template refuses
 * one.
 */
export function toolSupportOf(render: (conversation: Conversation, form: CallForm) => string): ToolSupport {
  const shown = (conversation: Conversation, words: readonly string[], form = usualForm): boolean => {
    try {
      const text = render(conversation, form);
      return words.every((word) => text.includes(word)) && !text.includes(printed);
    } catch (error) {
      if (error instanceof LimitError) throw error;
      return false;
    }
  };
  const words = [called.name, called.key, called.value];
  const conversation = { messages: historyOf(shortId), tools };
  const calls = forms.find((form) => shown(conversation, words, form));
  return {
    definitions: shown({ messages: [user], tools }, [probe.tool, probe.parameter]),
    calls,
    results: forms.some((form) => shown(conversation, [called.result], form)),
    longIds: calls === undefined || shown({ messages: historyOf(longId), tools }, words, calls),
  };
}
