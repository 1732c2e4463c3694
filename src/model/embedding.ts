import { at } from '../base/at.ts';
import { EngineError } from '../base/errors.ts';
import { EmbeddedText, type Pooling } from '../engine/embedded-text.ts';
import type { Engine } from '../engine/engine.ts';
import type { ModelOutline } from '../runtime/model-outline.ts';
import type { LoadProgress } from './model-options.ts';

/**
 * Options of embeddings.
 *
 * @example const options: EmbedOptions = { truncate: true, dimensions: 256 };
 */
export interface EmbedOptions {
  /** Tokens that a text may have, if fewer than the context. */
  readonly longest?: number | undefined;
  /** Leaves out the end of a text that is longer than the context; default: CONTEXT_TOO_LONG. */
  readonly truncate?: boolean | undefined;
  /** The first so many elements of each embedding; default: all. Models that were trained for it lose little. */
  readonly dimensions?: number | undefined;
  /** Scales each embedding to length 1; default: true. */
  readonly normalize?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called if residents are loaded before: see `Model.load`. */
  readonly onLoad?: LoadProgress['onProgress'];
  /** Called with the number of tokens that have been computed, and of all. */
  readonly onProgress?: ((tokens: number, total: number) => void) | undefined;
}

/**
 * Embeddings of texts.
 *
 * @example const [first] = (await model.embed(['Hello'])).vectors;
 */
export interface Embeddings {
  /** An embedding for each text, in their order. */
  readonly vectors: readonly Float32Array[];
  /** The number of tokens of all texts. */
  readonly tokens: number;
}

/** The embeddings of texts, as they come out of the model. Rejects with the first text's error, or the signal's reason. */
export async function embedTokens(
  engine: Pick<Engine, 'submit' | 'onCancelled'>,
  texts: readonly (readonly number[])[],
  { pooling, ...options }: EmbedOptions & { readonly pooling: Pooling },
): Promise<Float32Array[]> {
  const { signal, onLoad, onProgress } = options;
  signal?.throwIfAborted();
  const total = tokenCount(texts);
  const done = new Map<number, number>();
  let computed = 0;
  const members = texts.map((tokens, i) => {
    const onTokens = (count: number): void => {
      computed += count - (done.get(i) ?? 0);
      done.set(i, count);
      onProgress?.(computed, total);
    };
    return new EmbeddedText({ tokens, pooling, onLoad, onTokens: onProgress && onTokens });
  });
  const end = (error: Error): void => {
    for (const member of members) member.fail(error);
    engine.onCancelled();
  };
  const cancel = (): void => end(signal?.reason);
  signal?.addEventListener('abort', cancel);
  try {
    for (const member of members) engine.submit(member);
    return await Promise.all(members.map(({ embedding }) => embedding));
  } catch (error) {
    end(error as Error);
    throw error;
  } finally {
    signal?.removeEventListener('abort', cancel);
  }
}

export const tokenCount = (texts: readonly (readonly number[])[]): number =>
  texts.reduce((sum, { length }) => sum + length, 0);

/** Throws BAD_OPTION for more dimensions than an embedding of `width` elements has. */
export function checkDimensions({ dimensions }: EmbedOptions, width: number): void {
  if (dimensions === undefined) return;
  if (Number.isInteger(dimensions) && dimensions >= 1 && dimensions <= width) return;
  const expected = `a whole number from 1 to ${width}, the dimensions of this model's embeddings`;
  throw new EngineError('BAD_OPTION', { option: 'dimensions', value: `${dimensions}`, expected });
}

/** An embedding in the wanted form. */
export function shaped(embedding: Float32Array, { dimensions, normalize = true }: EmbedOptions): Float32Array {
  const part = embedding.slice(0, dimensions);
  if (!normalize) return part;
  const length = Math.sqrt(part.reduce((sum, x) => sum + x * x, 0));
  return length > 0 ? part.map((x) => x / length) : part;
}

/** `tokens` without their end, so that no more than `most` are left; the token that ends a text stays. */
export function cutTokens(tokens: readonly number[], most: number, end: number | undefined): readonly number[] {
  if (tokens.length <= most) return tokens;
  const keepsEnd = end !== undefined && at(tokens, tokens.length - 1) === end;
  return keepsEnd ? [...tokens.slice(0, most - 1), end] : tokens.slice(0, most);
}

/** The pooling of a model: the last token's embedding knows the whole text, if the file does not say otherwise. */
export function poolingOf({ pooling, path }: Pick<ModelOutline, 'pooling' | 'path'>): Pooling {
  switch (pooling) {
    case 'none':
      return 'last';
    case 'rank':
      throw new EngineError('NOT_FOR_EMBEDDINGS', { file: path });
    default:
      return pooling;
  }
}
