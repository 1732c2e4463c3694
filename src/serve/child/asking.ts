import { EngineError } from '../../base/errors.ts';
import type { Model } from '../../engine/model.ts';
import type { GenerateOptions } from '../../engine/model-options.ts';
import type { Message } from '../../text/chat-template.ts';
import type { Ask } from '../hub.ts';

/** The tokens of what is asked for, within `context` tokens. Throws NO_PROMPT, TEMPLATE_FAILED, CONTEXT_TOO_LONG. */
export function tokensOf(model: Model, ask: Ask, context: number): readonly number[] {
  const { prompt, before = [] } = ask;
  const most = Math.min(context, ask.context ?? context);
  const tokens = [...before, ...promptTokens(model, ask, most - before.length)];
  if (tokens.length === 0) throw new EngineError('NO_PROMPT', {});
  if (tokens.length <= most) return tokens;
  if (ask.truncate && prompt.kind !== 'chat') return keepEnd(tokens, most, model.vocabulary.bos);
  throw new EngineError('CONTEXT_TOO_LONG', { prompt: tokens.length, context: most });
}

function promptTokens(model: Model, { prompt, before, truncate }: Ask, most: number): readonly number[] {
  const continues = before !== undefined && before.length > 0;
  switch (prompt.kind) {
    case 'tokens':
      return prompt.tokens;
    case 'text':
      return model.vocabulary.tokenize(prompt.text, { addSpecial: !continues, parseSpecial: prompt.special });
    case 'chat': {
      const tokens = truncate ? withoutOldest(model, prompt.messages, most) : model.tokenize(prompt.messages);
      return continues && tokens[0] === model.vocabulary.bos ? tokens.slice(1) : tokens;
    }
    default:
      return prompt satisfies never;
  }
}

/** Leaves out the oldest messages, as few as will do, but not what the system says nor the last one. */
function withoutOldest(model: Model, messages: readonly Message[], most: number): readonly number[] {
  const old = messages.slice(0, -1).flatMap(({ role }, i) => (role === 'system' ? [] : [i]));
  const without = (count: number): readonly number[] => {
    const left = new Set(old.slice(0, count));
    return model.tokenize(messages.filter((_, i) => !left.has(i)));
  };
  const all = without(0);
  if (all.length <= most) return all;
  let tooFew = 0;
  let enough = old.length;
  while (enough - tooFew > 1) {
    const count = Math.floor((tooFew + enough) / 2);
    if (without(count).length <= most) enough = count;
    else tooFew = count;
  }
  return without(enough);
}

/** The last `most` tokens; a text that begins with `bos` goes on doing so. */
function keepEnd(tokens: readonly number[], most: number, bos: number | undefined): readonly number[] {
  const begins = bos !== undefined && tokens[0] === bos;
  return begins ? [bos, ...tokens.slice(tokens.length - most + 1)] : tokens.slice(tokens.length - most);
}

/** How the answer is made. */
export const optionsOf = (ask: Ask, signal: AbortSignal): GenerateOptions => ({
  ...ask.sampling,
  maxTokens: ask.maxTokens,
  longest: ask.context,
  stop: ask.stop,
  logprobs: ask.logprobs,
  bias: new Map(Object.entries(ask.logitBias ?? {}).map(([token, bias]) => [Number(token), bias])),
  signal,
});
