import type { AnswerPart, PartReader } from './answer-part.ts';
import { ThoughtReader } from './thought-reader.ts';
import type { ThoughtTags } from './thought-tags.ts';
import { messageSyntaxOf, textsOf } from './tools/call-format.ts';
import { newCallId } from './tools/call-id.ts';
import { CallReader, type ReadableCalls } from './tools/call-reader.ts';

/** The form in which a model answers a conversation. */
export interface AnswerFormat {
  /** Texts around thoughts; undefined where the model has none. */
  readonly thoughts?: ThoughtTags | undefined;
  /** True if the prompt ends within thoughts. */
  readonly opened?: boolean | undefined;
  /** The begin of the answer's content, or of its thoughts, with which the prompt ends; undefined where it has none. */
  readonly begun?: string | undefined;
  /** Calls of tools; undefined where there are none. */
  readonly calls?: ReadableCalls | undefined;
}

/** The form of an answer to a text: nothing but content. */
export const plainFormat: AnswerFormat = {};

/** Takes an answer of a model apart. */
export interface AnswerReader extends PartReader {
  /** True while the model thinks. */
  readonly thinking: boolean;
}

class ContentReader implements AnswerReader {
  readonly thinking = false;

  push(text: string): readonly AnswerPart[] {
    return text === '' ? [] : [{ text }];
  }

  end(): readonly AnswerPart[] {
    return [];
  }
}

export function newAnswerReader({ thoughts, opened = false, begun: begin, calls }: AnswerFormat): AnswerReader {
  const begun = begin !== undefined;
  const content = calls ? new CallReader({ ...calls, opened }, newCallId) : new ContentReader();
  if (!thoughts || messageSyntaxOf(calls?.format)) return content;
  return new ThoughtReader({ tags: thoughts, opened, begun, interrupts: interruptsOf(calls) }, content);
}

/** Texts of calls, and of the answer's parts, that end thoughts. */
function interruptsOf(calls: ReadableCalls | undefined): readonly string[] {
  if (calls?.format.endsThoughts !== true) return [];
  const { begins, around = [], drops = [] } = calls.format;
  return [...begins, ...around, ...drops];
}

/** The text that ends thoughts; undefined where the model has none. */
export const thoughtEnd = ({ thoughts, calls }: AnswerFormat): string | undefined =>
  messageSyntaxOf(calls?.format)?.written.next[0] ?? thoughts?.close;

/** Texts in which a reader must see control tokens by name, which are nothing otherwise. */
export const controlTexts = ({ thoughts, calls }: AnswerFormat): readonly string[] => [
  ...(thoughts ? [thoughts.open, thoughts.close] : []),
  ...(calls ? textsOf(calls.format) : []),
];
