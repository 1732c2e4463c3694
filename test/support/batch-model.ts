import assert from 'node:assert/strict';
import type { Generation } from '../../src/engine/generation.ts';
import type { Model } from '../../src/model/model.ts';
import type { GenerateOptions, ModelOptions } from '../../src/model/model-options.ts';
import { writeBytePair } from './model-files.ts';
import { openTestModel } from './open-model.ts';

const MiB = 2 ** 20;
const shape = { layers: 6, width: 512, heads: 8, kvHeads: 4, feedForward: 1024, vocabulary: 400, context: 256 };

/**
 * Writes a model of 15 MB of random weights that knows every byte, trained for so many tokens: the same weights for
 * all.
 */
export const writeBatchModel = (path: string, context: number = shape.context): string =>
  writeBytePair(path, { ...shape, context }, { type: 'q8_0' });

export interface BatchOptions extends ModelOptions {
  /** Under a budget that most of the weights do not fit in. */
  readonly streamed?: boolean;
}

/** Opens it for eight sequences, with kernels whose results do not depend on the budget. */
export function openBatchModel(path: string, { streamed = false, ...options }: BatchOptions = {}): Model {
  const { parallel = 8, promptCache } = options;
  const kv = typeof parallel === 'number' ? 1.5 * MiB * parallel : 0;
  const kept = typeof promptCache?.bytes === 'number' ? promptCache.bytes : 0;
  const beside = kv + kept + (streamed ? 11 : 64) * MiB;
  return openTestModel(path, beside, { context: shape.context, kv: { home: 'ram' }, parallel, ...options });
}

/** The results of a generation. */
export interface CollectedAnswer {
  readonly tokens: readonly number[];
  readonly text: string;
  /** Log-probability of each token, and how much likelier it was than the second. */
  readonly logprobs: readonly number[];
  readonly gaps: readonly number[];
  readonly cached: number;
  readonly reason: Generation['stopReason'];
}

/** Tokens that mean nothing, others for each seed from the first one on. */
export const promptOf = (seed: number, length: number): number[] =>
  Array.from({ length }, (_, i) => (7 * i + 31 * seed + i * i * (seed % 5)) % shape.vocabulary);

/** The likeliest tokens, as many as are asked for. */
export const greedy = { temperature: 0, ignoreEnd: true } as const;

/** Asks for the likeliest tokens, and reads them to the end. */
export const ask = async (
  model: Model,
  prompt: readonly number[],
  options: GenerateOptions & { readonly maxTokens: number },
): Promise<CollectedAnswer> => collectAnswer(model.generate(prompt, { ...greedy, logprobs: 2, ...options }));

/** Reads a generation that gives two log-probabilities of each token to its end. */
export async function collectAnswer(generation: Generation): Promise<CollectedAnswer> {
  let text = '';
  const logprobs: number[] = [];
  const gaps: number[] = [];
  for await (const piece of generation) {
    text += piece.text;
    if (!piece.logprob) continue;
    const [first, second] = piece.logprob.top;
    logprobs.push(piece.logprob.logprob);
    gaps.push((first?.logprob ?? 0) - (second?.logprob ?? 0));
  }
  const { tokens, stats, stopReason } = generation;
  return { tokens, text, logprobs, gaps, cached: stats?.prefill.cached ?? 0, reason: stopReason };
}

/** Answers of the model at `path` to each prompt when nobody else is there. */
export async function answersAlone(
  path: string,
  prompts: readonly (readonly number[])[],
  { maxTokens, ...options }: BatchOptions & { readonly maxTokens: number },
): Promise<readonly CollectedAnswer[]> {
  await using model = openBatchModel(path, { parallel: 1, ...options });
  const answers: CollectedAnswer[] = [];
  for (const prompt of prompts) answers.push(await ask(model, prompt, { maxTokens }));
  return answers;
}

/** The answer of the model at `path` to `prompt` when nobody else is there, and the check that a model gives it. */
export async function rightAnswer(
  path: string,
  prompt: readonly number[],
  maxTokens: number,
): Promise<{ readonly expected: CollectedAnswer; readonly isRight: (model: Model) => Promise<void> }> {
  const [expected = assert.fail()] = await answersAlone(path, [prompt], { maxTokens });
  const isRight = async (model: Model): Promise<void> =>
    assertAnswer((await ask(model, prompt, { maxTokens })).tokens, expected);
  return { expected, isRight };
}

/** Sums over one token and over several round differently on some machines: a lead this small may be lost. */
const nearTie = 0.005;

/** Fails unless `tokens` are the first `count` of `expected`, as far as there is no near-tie. */
export function assertAnswer(
  tokens: readonly number[],
  expected: CollectedAnswer,
  count: number = expected.tokens.length,
  tie: number = nearTie,
): void {
  assert.equal(tokens.length, count);
  const doubtful = expected.gaps.findIndex((gap) => gap < tie);
  const firm = doubtful < 0 ? count : Math.min(count, doubtful);
  assert.deepEqual(tokens.slice(0, firm), expected.tokens.slice(0, firm));
}
