import { EngineError, isTooLong } from '../base/errors.ts';
import { plainFormat } from '../chat/answer-reader.ts';
import type { Conversation } from '../chat/message.ts';
import { infillTokens } from '../model/infill-prompt.ts';
import type { Model } from '../model/model.ts';
import type { GenerateOptions } from '../model/model-options.ts';
import type { PreparedPrompt } from '../model/prompt-tokenizer.ts';
import type { Vocabulary } from '../text/vocabulary.ts';
import type { GenerationRequest } from './backend.ts';
import type { EngineCall, TokenizedPart } from './protocol.ts';

/**
 * A request's prompt, of at most `context` tokens: no more are made. Throws NO_PROMPT, TEMPLATE_FAILED,
 * CONTEXT_TOO_LONG.
 */
export function requestPrompt(model: Model, request: GenerationRequest, context: number): PreparedPrompt {
  const { prompt, before = [] } = request;
  const most = Math.min(context, request.context ?? context);
  const mayCut = request.truncate === true && prompt.kind !== 'chat';
  if (before.length > most && !mayCut) throw tooLong(before.length, most, prompt.kind !== 'tokens');
  const made = countedFrom(most, before.length, () => preparedPrompt(model, request, most));
  const tokens = [...before, ...made.tokens];
  if (tokens.length === 0) return { ...made, tokens: [startOf(model.vocabulary)] };
  if (tokens.length <= most) return { ...made, tokens };
  if (mayCut) return { ...made, tokens: keepEnd(tokens, most, model.vocabulary.bos) };
  throw tooLong(tokens.length, most, false);
}

/** The token that begins a text, for an empty prompt. Throws NO_PROMPT where the vocabulary has no such token. */
function startOf({ bos, eos }: Pick<Vocabulary, 'bos' | 'eos'>): number {
  const token = bos ?? eos;
  if (token === undefined) throw new EngineError('NO_PROMPT', {});
  return token;
}

const tooLong = (prompt: number, context: number, atLeast: boolean): EngineError =>
  new EngineError('CONTEXT_TOO_LONG', { prompt, context, atLeast });

/** The result of `prepare`, before which `before` tokens come: the error for too many counts them all. */
function countedFrom(most: number, before: number, prepare: () => PreparedPrompt): PreparedPrompt {
  try {
    return prepare();
  } catch (error) {
    if (!isTooLong(error)) throw error;
    throw tooLong(before + error.details.prompt, most, true);
  }
}

/**
 * The prompt's tokens: the last `most` of a text that may be cut; else all of them, if they are not too many after
 * those before.
 */
function preparedPrompt(
  model: Model,
  { prompt, before = [], truncate }: GenerationRequest,
  most: number,
): PreparedPrompt {
  const continues = before.length > 0;
  const room = most - before.length;
  switch (prompt.kind) {
    case 'tokens':
      return { tokens: prompt.tokens, answer: plainFormat };
    case 'infill':
      return { tokens: infillTokens(model.vocabulary, prompt, room), answer: plainFormat };
    case 'text': {
      const options = { addSpecial: !continues, parseSpecial: prompt.special };
      const tokens = truncate
        ? model.vocabulary.tokenizeEnd(prompt.text, { ...options, most })
        : model.vocabulary.tokenize(prompt.text, { ...options, most: room });
      return { tokens, answer: plainFormat };
    }
    case 'chat': {
      // The token that begins a text may be taken off again.
      const wanted = continues ? room + 1 : room;
      const made = truncate ? withoutOldest(model, prompt, wanted) : model.prepare(prompt, wanted);
      return continues && made.tokens[0] === model.vocabulary.bos ? { ...made, tokens: made.tokens.slice(1) } : made;
    }
    default:
      return prompt satisfies never;
  }
}

/**
 * Leaves out the oldest messages, as few as will do, but not the system's nor the last one. Throws CONTEXT_TOO_LONG if
 * those are too long already.
 */
function withoutOldest(model: Model, conversation: Conversation, most: number): PreparedPrompt {
  const { messages } = conversation;
  const old = messages.slice(0, -1).flatMap(({ role }, i) => (role === 'system' ? [] : [i]));
  const without = (count: number): PreparedPrompt => {
    const left = new Set(old.slice(0, count));
    return model.prepare({ ...conversation, messages: messages.filter((_, i) => !left.has(i)) }, most);
  };
  const fits = (count: number): boolean => {
    try {
      without(count);
      return true;
    } catch (error) {
      if (isTooLong(error)) return false;
      throw error;
    }
  };
  if (fits(0)) return without(0);
  let tooFew = 0;
  let enough = old.length;
  while (enough - tooFew > 1) {
    const count = Math.floor((tooFew + enough) / 2);
    if (fits(count)) enough = count;
    else tooFew = count;
  }
  return without(enough);
}

/** The last `most` tokens; a text that begins with `bos` keeps it. */
function keepEnd(tokens: readonly number[], most: number, bos: number | undefined): readonly number[] {
  const begins = bos !== undefined && tokens[0] === bos;
  return begins ? [bos, ...tokens.slice(tokens.length - most + 1)] : tokens.slice(tokens.length - most);
}

/** The tokens of a part of a text, of which more may follow. */
export function tokenizedPart(
  vocabulary: Vocabulary,
  { text, special, bos, first }: Extract<EngineCall, { name: 'tokenize' }>,
): TokenizedPart {
  const { tokens, units } = vocabulary.tokenizePart(text, { follows: !first, parseSpecial: special });
  const begin = bos && first && vocabulary.addBos && vocabulary.bos !== undefined ? [vocabulary.bos] : [];
  const end = bos && units === text.length && vocabulary.addEos && vocabulary.eos !== undefined ? [vocabulary.eos] : [];
  return { tokens: [...begin, ...tokens, ...end], units };
}

/** Options of the generation that answers a request. */
export const generateOptionsOf = (request: GenerationRequest, signal: AbortSignal): GenerateOptions => ({
  ...request.sampling,
  maxTokens: request.maxTokens,
  thinkBudget: request.thinkBudget,
  longest: request.context,
  stop: request.stop,
  loras: request.loras,
  ignoreEnd: request.ignoreEnd,
  grammar: request.grammar,
  logprobs: request.logprobs,
  afterSampling: request.afterSampling,
  bias: new Map(Object.entries(request.logitBias ?? {}).map(([token, bias]) => [Number(token), bias])),
  signal,
});
