import type { LlamaSpan } from '../../../src/ggml/llama-batch.ts';
import type { Recipe } from './recipe.ts';
import { recipeOf, usualSizesOf } from './rows.ts';

/** Libllama splits batches of other states if their spans differ in length. */
const uneven = new Set<Recipe['state']>([undefined, 'windows', 'latent']);

/**
 * Batches in which the small model of a row is compared: one token alone, a prompt of 11 tokens, four single ones after it, two more
 * sequences in one batch, all three in one batch, and then so many tokens that windows of 8 have left the first ones. A
 * model that keeps nothing of a text gets prompts only.
 */
export function usualBatches(name: string): readonly (readonly LlamaSpan[])[] {
  const { state, allOutputs = false, batchesApart = false, hidesInFirstRow = false } = recipeOf(name);
  const { vocabulary } = usualSizesOf(name);
  const span = (sequence: number, start: number, count: number, outputs = count): LlamaSpan => ({
    sequence,
    start,
    tokens: Array.from({ length: count }, (_, i) => ((start + i) * 7919 + 13 + sequence * 217) % vocabulary),
    outputs: allOutputs ? count : outputs,
  });
  const prompt = [span(0, 0, 11)];
  const others = uneven.has(state) ? [span(1, 0, 7, 1), span(2, 0, 5)] : [span(1, 0, 6, 1), span(2, 0, 6)];
  if (state === 'nothing') return [prompt, others];
  const batches = [
    [span(3, 0, 1)],
    prompt,
    ...[11, 12, 13, 14].map((start) => [span(0, start, 1)]),
    others,
    [span(0, 15, 1), ...others.map(({ sequence, tokens }) => span(sequence, tokens.length, 1))],
    [span(0, 16, 23, 1)],
  ];
  if (hidesInFirstRow) return batches.flatMap((batch) => batch.map((one) => [{ ...one, outputs: 1 }]));
  return batchesApart ? batches.flatMap((batch) => batch.map((one) => [one])) : batches;
}
