import { scoresTexts } from '../arch/pooling.ts';
import { at } from '../base/at.ts';
import { EngineError } from '../base/errors.ts';
import { unlessAborted } from '../base/promises.ts';
import { ClassHead } from '../exec/class-head.ts';
import { scalesOf } from '../runtime/lora-adapters.ts';
import { checkFinite } from '../sample/check-finite.ts';
import { checkTokens } from './check-request.ts';
import { type EmbeddingModel, type EmbedOptions, embedTokens, tokenCount } from './embedding.ts';
import { rankedTokens } from './ranked-texts.ts';

/**
 * Options of scores.
 *
 * @example const options: RankOptions = { signal: AbortSignal.timeout(60_000) };
 */
export type RankOptions = Pick<EmbedOptions, 'longest' | 'loras' | 'signal' | 'onLoad' | 'onProgress'>;

/**
 * Scores of texts by how well they answer a query: the larger, the better.
 *
 * @example const { scores } = await model.rank('a red fruit', ['plums', 'the sea']);
 */
export interface Ranking {
  /** A score for each text, in their order. */
  readonly scores: readonly number[];
  /** The number of tokens of all texts, each with the query. */
  readonly tokens: number;
}

/** See `Model.rank`. */
export async function rankTexts(
  { opened, engine, most: mostTokens }: EmbeddingModel,
  query: string | readonly number[],
  texts: readonly (string | readonly number[])[],
  options: RankOptions,
): Promise<Ranking> {
  const { outline, vocabulary, device } = opened;
  const { file, graphs, config } = outline;
  const { longest: most = mostTokens, signal } = options;
  if (outline.pooling !== 'rank') throw new EngineError('NOT_FOR_RANKING', { file: outline.path });
  if (!graphs.wholeTexts && !scoresTexts(config.architecture))
    throw new EngineError('UNSUPPORTED_MODEL', { what: `a head for scores behind a decoder "${config.architecture}"` });
  const scales = scalesOf(options.loras, graphs.scales);
  const ranked = rankedTokens(file.metadata, vocabulary, { query, texts, most });
  for (const tokens of ranked) checkTokens(tokens, config.vocabulary, 'input');
  const longest = ranked.reduce((length, tokens) => Math.max(length, tokens.length), 0);
  if (longest === 0) return { scores: [], tokens: 0 };
  if (longest > most) throw new EngineError('CONTEXT_TOO_LONG', { prompt: longest, context: most });
  const { reader } = await unlessAborted(opened.open(undefined, { prompt: longest, answer: 0 }), signal);
  using head = graphs.wholeTexts ? undefined : await ClassHead.open(file, config.width, { device, reader });
  const vectors = await embedTokens(engine, ranked, { ...options, scales, pooling: 'last' });
  // A whole text comes as its scores.
  const classes = head ? vectors.map((vector) => checkFinite(head.probabilities(vector), outline.path)) : vectors;
  const scores = classes.map((one) => at([...one], 0));
  return { scores, tokens: tokenCount(ranked) };
}
