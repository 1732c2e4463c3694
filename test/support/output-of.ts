import { plainFormat } from '../../src/chat/answer-reader.ts';
import { AnswerOutput } from '../../src/engine/answer-output.ts';
import type { Vocabulary } from '../../src/text/vocabulary.ts';

/** The way of an answer of nothing but text, which these stop strings end. */
export const outputOf = (vocabulary: Vocabulary, stop: readonly string[] = []): AnswerOutput =>
  AnswerOutput.open(vocabulary, plainFormat, { stop, thinkBudget: Number.POSITIVE_INFINITY });
