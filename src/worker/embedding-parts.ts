import { EngineError } from '../base/errors.ts';
import type { EmbeddingRequest } from './backend.ts';
import type { EngineFacts } from './protocol.ts';

/** The most inputs that an engine is asked to embed at once, and their UTF-16 units or tokens. */
const mostInputs = 64;
const mostUnits = 2 ** 18;

/**
 * Parts of a request that an engine embeds one after the other: it holds the texts and embeddings of one. Inputs that are
 * certainly too long are refused, or cut where the request wants that, before they reach it. Throws CONTEXT_TOO_LONG.
 */
export function embeddingParts(
  { inputs, ...rest }: EmbeddingRequest,
  { context, longestToken }: Pick<EngineFacts, 'context' | 'longestToken'>,
): readonly EmbeddingRequest[] {
  const tokens = Math.min(context, rest.context ?? context);
  const parts: EmbeddingRequest['inputs'][number][][] = [];
  let units = 0;
  for (const input of inputs) {
    const fitting = fitted(input, { tokens, text: tokens * longestToken }, rest.truncate);
    const part = parts.at(-1);
    units += fitting.length;
    if (part && part.length < mostInputs && units <= mostUnits) part.push(fitting);
    else {
      parts.push([fitting]);
      units = fitting.length;
    }
  }
  return parts.map((part) => ({ ...rest, inputs: part }));
}

type Input = EmbeddingRequest['inputs'][number];

/** An input without what is certainly cut off. Throws CONTEXT_TOO_LONG. */
function fitted(input: Input, most: { readonly tokens: number; readonly text: number }, truncate: boolean): Input {
  const isText = typeof input === 'string';
  const longest = isText ? most.text : most.tokens;
  if (input.length <= longest) return input;
  // Where tokens end is for the engine to say.
  if (truncate) return isText ? input.slice(0, longest) : input;
  const prompt = isText ? Math.ceil((input.length / most.text) * most.tokens) : input.length;
  throw new EngineError('CONTEXT_TOO_LONG', { prompt, context: most.tokens, atLeast: isText });
}
