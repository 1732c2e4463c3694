import type { LlamaSpan } from '../../../src/ggml/llama-batch.ts';
import type { Recipe } from './recipe.ts';
import { recipeOf, usualSizesOf } from './rows.ts';

type Batches = readonly (readonly LlamaSpan[])[];

/** Libllama splits batches of other states if their spans differ in length. */
const uneven = new Set<Recipe['state']>([undefined, 'windows', 'latent']);

/**
 * Batches in which the small model of a row is compared: one token alone, a prompt of 11 tokens, four single ones after it, two more
 * sequences in one batch, all three in one batch, and then so many tokens that windows of 8 have left the first ones. A
 * model that keeps nothing of a text gets prompts only.
 */
export function usualBatches(name: string): Batches {
  const { state } = recipeOf(name);
  const span = spansOf(name);
  const prompt = [span(0, 0, 11)];
  const others = uneven.has(state) ? [span(1, 0, 7, 1), span(2, 0, 5)] : [span(1, 0, 6, 1), span(2, 0, 6)];
  if (state === 'nothing') return [prompt, others];
  return asTaken(name, [
    [span(3, 0, 1)],
    prompt,
    ...[11, 12, 13, 14].map((start) => [span(0, start, 1)]),
    others,
    [span(0, 15, 1), ...others.map(({ sequence, tokens }) => span(sequence, tokens.length, 1))],
    [span(0, 16, 23, 1)],
  ]);
}

/**
 * The batches that few kernels compute: those of one token, and those of many, which a device compiles for minutes. The
 * last one leaves windows of 8.
 */
export function fewBatches(name: string): Batches {
  const span = spansOf(name);
  return asTaken(name, [[span(0, 0, 11)], [span(0, 11, 1)], [span(1, 0, 11), span(2, 0, 11)], [span(0, 12, 23)]]);
}

/** Tokens of a sequence, the same ones each time, with logits of the last ones. */
function spansOf(name: string): (sequence: number, start: number, count: number, outputs?: number) => LlamaSpan {
  const { allOutputs = false } = recipeOf(name);
  const { vocabulary } = usualSizesOf(name);
  return (sequence, start, count, outputs = count) => ({
    sequence,
    start,
    tokens: Array.from({ length: count }, (_, i) => ((start + i) * 7919 + 13 + sequence * 217) % vocabulary),
    outputs: allOutputs ? count : outputs,
  });
}

/** The batches as libllama takes them for a model. */
function asTaken(name: string, batches: Batches): Batches {
  const { batchesApart = false, hidesInFirstRow = false } = recipeOf(name);
  if (hidesInFirstRow) return batches.flatMap((batch) => batch.map((one) => [{ ...one, outputs: 1 }]));
  return batchesApart ? batches.flatMap((batch) => batch.map((one) => [one])) : batches;
}
