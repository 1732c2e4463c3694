import type { ToolCallDelta } from './message.ts';

/**
 * A part of an answer; thoughts come before its text, calls behind it.
 *
 * @example const shown = ({ thinking = '', text }: AnswerPart) => thinking + text;
 */
export interface AnswerPart {
  readonly text: string;
  readonly thinking?: string | undefined;
  readonly toolCalls?: readonly ToolCallDelta[] | undefined;
}

/** Takes an answer apart while it is written: whole characters in, parts out. */
export interface PartReader {
  /** The parts that are known with this text; often none. */
  push(text: string): readonly AnswerPart[];
  /**
   * Ends the answer: returns the parts that were held back. A call that is not done stays open, so that half a call never
   * looks like a whole one, unless the answer is `whole`: the model itself has ended it.
   */
  end(whole?: boolean): readonly AnswerPart[];
}
