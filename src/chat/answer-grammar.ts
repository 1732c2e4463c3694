import { choiceOf, type GrammarSource, sequenceOf, textSource, untilAny, upTo } from '../grammar/source.ts';
import type { AnswerFormat } from './answer-reader.ts';
import { messageSyntaxOf } from './tools/call-format.ts';
import { callGrammar, triggerOf } from './tools/call-grammar.ts';
import type { ReadableCalls } from './tools/call-reader.ts';

const blanks = upTo(4, choiceOf(textSource(' '), textSource('\n')));

/**
 * The grammar of a whole answer whose text obeys `wanted`: thoughts come before it as the model likes, and where tools
 * may be called, calls may stand instead of it. Undefined where any text will do.
 */
export function answerGrammar(format: AnswerFormat, wanted: GrammarSource | undefined): GrammarSource | undefined {
  const { thoughts, opened = false, calls } = format;
  if (contentBegun(format) !== undefined) return calls ? orCalls(calls, wanted) : wanted;
  const made = messageSyntaxOf(calls?.format);
  const written = wanted && made ? sequenceOf(textSource(made.written.text), wanted) : wanted;
  const content = calls ? orCalls(calls, written) : written;
  if (!content) return undefined;
  if (made) {
    const { thoughts, next } = made.written;
    const before = [textSource(thoughts), untilAny(next[0]), textSource(next[1])];
    return choiceOf(sequenceOf(...before, content), content);
  }
  if (!thoughts) return content;
  const behind = sequenceOf(untilAny(thoughts.close), blanks, content);
  return opened ? behind : choiceOf(sequenceOf(textSource(thoughts.open), behind), content);
}

/** The begin of an answer's content that its prompt has given; undefined where there is none. */
const contentBegun = ({ opened = false, begun }: AnswerFormat): string | undefined => (opened ? undefined : begun);

/**
 * The begin of an answer that is part of what has to be JSON, if it can be; grammars in other notations hold for what is
 * behind it. Undefined where there is none.
 */
export const jsonBegun = (format: AnswerFormat, wanted: GrammarSource | undefined): string | undefined =>
  wanted?.kind === 'json' || wanted?.kind === 'schema' ? contentBegun(format) : undefined;

/**
 * True if an answer ends as soon as the model wants what its grammar forbids, once it is whole: calls that must come are
 * followed by others only if the model likes.
 */
export const endsEarly = ({ calls }: AnswerFormat, wanted: GrammarSource | undefined): boolean =>
  calls !== undefined &&
  calls.tools.length > 0 &&
  (calls.choice !== 'auto' || wanted !== undefined || triggerOf(calls.format) === undefined);

/** Calls as they are chosen, or the text that is wanted if none are required. */
function orCalls(
  { format, tools, choice: chosen, parallel }: ReadableCalls,
  wanted: GrammarSource | undefined,
): GrammarSource | undefined {
  const rules = { tools, parallel };
  if (chosen !== 'auto' || !wanted) return callGrammar(format, { ...rules, choice: chosen }) ?? wanted;
  const called = callGrammar(format, { ...rules, choice: 'required' });
  return called ? choiceOf(wanted, called) : wanted;
}
