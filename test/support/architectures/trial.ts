import assert from 'node:assert/strict';
import { openModelFile } from '../../../src/gguf/model-file.ts';
import { tryGraphs } from '../../../src/runtime/graph-trial.ts';
import { engineError } from '../engine-error.ts';
import { type ArchitectureFileOptions, architectureFile, isExperts } from './architecture-file.ts';
import { hashOf, type Reference } from './reference.ts';
import type { ArchitectureRow } from './rows.ts';
import { usualBatches } from './usual-batches.ts';

/** Two processes that are asked the same. */
export type References = readonly [Reference, Reference];

async function bitsOf(reference: Reference, name: string, path: string): Promise<string> {
  const rows = await reference.logits({ path, batches: usualBatches(name) });
  assert.ok(
    rows.every((logits) => logits.every(Number.isFinite)),
    'some logits are not finite',
  );
  // Where logits do not depend on the text, anything would compare as equal.
  assert.equal(new Set(rows.map((logits) => hashOf([logits]))).size, rows.length, 'two tokens have the same logits');
  return hashOf(rows);
}

/**
 * Fails unless the small model of a row is what the row says: plain `llama_decode` gives finite logits, and the same bits
 * in both processes; there are experts or none. Returns the hash of the bits.
 */
export async function tryArchitecture(
  [first, second]: References,
  { name, experts }: ArchitectureRow,
  path: string,
  options: ArchitectureFileOptions = {},
): Promise<string> {
  architectureFile(path, name, options);
  const bits = await bitsOf(first, name, path);
  assert.equal(await bitsOf(second, name, path), bits, 'another process computes other bits');
  assert.equal(
    [...openModelFile(path).weights.keys()].some(isExperts),
    experts,
    'experts are not where they should be',
  );
  return bits;
}

/** Fails unless a model that does not go on with a text is refused before it is loaded. */
export function tryRefused(architecture: string, path: string): void {
  architectureFile(path, architecture);
  assert.throws(() => tryGraphs(openModelFile(path)), engineError('GRAPH_FAILED'));
}

/** Fails, too, unless the logits depend on the weights. */
export async function tryWeights(references: References, row: ArchitectureRow, path: string): Promise<void> {
  const bits = await tryArchitecture(references, row, path);
  architectureFile(path, row.name, { seed: 2 });
  assert.notEqual(await bitsOf(references[0], row.name, path), bits, 'other weights give the same bits');
}
