import assert from 'node:assert/strict';
import { at } from '../../../src/base/at.ts';
import type { Device } from '../../../src/ggml/device.ts';
import type { LlamaSpan } from '../../../src/ggml/llama-batch.ts';
import { engineError } from '../engine-error.ts';
import { type OpenLlamaOptions, openLlama } from '../open-llama.ts';
import { type ArchitectureFileOptions, architectureFile } from './architecture-file.ts';
import type { Reference } from './reference.ts';
import { type ArchitectureRow, usualSizesOf } from './rows.ts';
import { usualBatches } from './usual-batches.ts';

/** Bytes: some matrices of a small model are several slices. */
const sliceBytes = 2 ** 14;

/**
 * The logits of `batches`, by default the usual ones, with all weights streamed that can be, and as few experts in memory as
 * there can be.
 */
export async function streamedLogits(
  name: string,
  path: string,
  options: Pick<OpenLlamaOptions, 'device' | 'extra' | 'loras' | 'slots'>,
  batches: readonly (readonly LlamaSpan[])[] = usualBatches(name),
): Promise<readonly Float32Array[]> {
  const { vocabulary } = usualSizesOf(name);
  await using model = openLlama(path, { ...options, sliceBytes });
  const { extra = 0 } = options;
  assert.equal(model.plan.streamed.length > 0, extra === 0, 'weights are not where they should be');
  const rows: Float32Array[] = [];
  for (const batch of batches) {
    const spans = batch.map(({ sequence, start, tokens, outputs }) => ({
      state: at(model.states, sequence),
      start,
      tokens,
      logits: outputs === tokens.length ? ('all' as const) : ('last' as const),
    }));
    const logits = await model.forward.run(spans);
    for (let start = 0; start < logits.length; start += vocabulary) rows.push(logits.slice(start, start + vocabulary));
  }
  return rows;
}

/**
 * Fails unless a row's model gives the bits of plain `llama_decode` in the smallest budget; a model that keeps nothing of
 * a text must be refused.
 */
export async function tryStreamed(
  { reference, device }: { readonly reference: Reference; readonly device: Device },
  { name, state }: ArchitectureRow,
  path: string,
  options: ArchitectureFileOptions = {},
): Promise<void> {
  architectureFile(path, name, options);
  if (state === 'nothing') {
    assert.throws(() => openLlama(path, { device }), engineError('GRAPH_FAILED', /does not predict the next token/));
    return;
  }
  const expected = await reference.logits({ path, batches: usualBatches(name) });
  assert.deepEqual(await streamedLogits(name, path, { device }), expected);
}
