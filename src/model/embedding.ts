import { at } from '../base/at.ts';
import { EngineError } from '../base/errors.ts';
import { unlessAborted } from '../base/promises.ts';
import { EmbeddedText, type EmbeddedTextParts, type Pooling } from '../engine/embedded-text.ts';
import type { Engine } from '../engine/engine.ts';
import { type AdapterScale, scalesOf } from '../runtime/lora-adapters.ts';
import type { ModelOutline } from '../runtime/model-outline.ts';
import { checkTokens } from './check-request.ts';
import type { LoadProgress } from './model-options.ts';
import type { OpenedModel } from './opened-model.ts';

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
  /** Scales of the model's LoRA adapters, 0 for those left out; default: those that it was opened with. */
  readonly loras?: readonly AdapterScale[] | undefined;
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

/** The parts of a model that texts are embedded with; `most` are the tokens that its contexts may have. */
export interface EmbeddingModel {
  readonly opened: Pick<OpenedModel, 'outline' | 'vocabulary' | 'device' | 'open'>;
  readonly engine: Pick<Engine, 'submit' | 'onCancelled'>;
  readonly most: number;
}

/** See `Model.embed`. */
export async function embedTexts(
  { opened, engine, most: mostTokens }: EmbeddingModel,
  texts: readonly (string | readonly number[])[],
  options: EmbedOptions,
): Promise<Embeddings> {
  const { outline, vocabulary } = opened;
  const { truncate = false, longest: given = mostTokens, signal } = options;
  checkDimensions(options, outline.config.width);
  const most = Math.min(given, mostTokens);
  const limits = { most, addSpecial: true, parseSpecial: false };
  const tokenized = texts.map((text) => {
    if (typeof text !== 'string') return text;
    return truncate ? vocabulary.tokenizeStart(text, limits) : vocabulary.tokenize(text, limits);
  });
  const scales = scalesOf(options.loras, outline.graphs.scales);
  for (const tokens of tokenized) checkTokens(tokens, outline.config.vocabulary, 'input');
  const longest = tokenized.reduce((length, tokens) => Math.max(length, tokens.length), 0);
  if (longest === 0) return { vectors: [], tokens: 0 };
  const { plan } = await unlessAborted(opened.open(undefined, { prompt: longest, answer: 0 }), signal);
  const end = vocabulary.addEos ? vocabulary.eos : undefined;
  const cut = truncate ? tokenized.map((tokens) => cutTokens(tokens, Math.min(most, plan.context), end)) : tokenized;
  const vectors = await embedTokens(engine, cut, { ...options, scales, pooling: poolingOf(outline) });
  return { vectors: vectors.map((vector) => shaped(vector, options)), tokens: tokenCount(cut) };
}

/** The embeddings of texts, as they come out of the model. Rejects with the first text's error, or the signal's reason. */
export async function embedTokens(
  engine: Pick<Engine, 'submit' | 'onCancelled'>,
  texts: readonly (readonly number[])[],
  { pooling, scales, ...options }: EmbedOptions & Pick<EmbeddedTextParts, 'pooling' | 'scales'>,
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
    return new EmbeddedText({ tokens, pooling, scales, onLoad, onTokens: onProgress && onTokens });
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
function checkDimensions({ dimensions }: EmbedOptions, width: number): void {
  if (dimensions === undefined) return;
  if (Number.isInteger(dimensions) && dimensions >= 1 && dimensions <= width) return;
  const expected = `a whole number from 1 to ${width}, the dimensions of this model's embeddings`;
  throw new EngineError('BAD_OPTION', { option: 'dimensions', value: `${dimensions}`, expected });
}

/** An embedding in the wanted form. */
function shaped(embedding: Float32Array, { dimensions, normalize = true }: EmbedOptions): Float32Array {
  const part = embedding.slice(0, dimensions);
  if (!normalize) return part;
  const length = Math.sqrt(part.reduce((sum, x) => sum + x * x, 0));
  return length > 0 ? part.map((x) => x / length) : part;
}

/** `tokens` without their end, so that no more than `most` are left; the token that ends a text stays. */
function cutTokens(tokens: readonly number[], most: number, end: number | undefined): readonly number[] {
  if (tokens.length <= most) return tokens;
  const keepsEnd = end !== undefined && at(tokens, tokens.length - 1) === end;
  return keepsEnd ? [...tokens.slice(0, most - 1), end] : tokens.slice(0, most);
}

/** The pooling of a model: the last token's embedding knows the whole text, if the file does not say otherwise. */
function poolingOf({ pooling, path, graphs }: Pick<ModelOutline, 'pooling' | 'path' | 'graphs'>): Pooling {
  switch (pooling) {
    case 'none':
      return 'last';
    case 'rank':
      throw new EngineError('NOT_FOR_EMBEDDINGS', { file: path });
    default:
      // A whole text comes pooled.
      return graphs.wholeTexts ? 'last' : pooling;
  }
}
