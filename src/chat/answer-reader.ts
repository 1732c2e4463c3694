import type { AnswerPart, PartReader } from './answer-part.ts';
import { ThoughtReader } from './thought-reader.ts';
import type { ThoughtTags } from './thought-tags.ts';

/** The form in which a model answers a conversation. */
export interface AnswerFormat {
  /** Texts around thoughts; undefined where the model has none. */
  readonly thoughts?: ThoughtTags | undefined;
  /** True if the prompt ends within thoughts. */
  readonly opened?: boolean | undefined;
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

export function newAnswerReader({ thoughts, opened = false }: AnswerFormat): AnswerReader {
  const content = new ContentReader();
  return thoughts ? new ThoughtReader({ tags: thoughts, opened }, content) : content;
}

/** Texts in which a reader must see control tokens by name, which are nothing otherwise. */
export const controlTexts = ({ thoughts }: AnswerFormat): readonly string[] =>
  thoughts ? [thoughts.open, thoughts.close] : [];
