import assert from 'node:assert/strict';
import type { RandomModelSpec } from '../../bench/random-model.ts';
import { nmse } from '../../src/base/nmse.ts';
import { argmax, topGap } from './logits.ts';
import { writeRandom } from './model-files.ts';
import { openRuntime } from './open-model.ts';
import { type OracleOptions, oracleLogits } from './oracle.ts';
import { tempFolder } from './temp-folder.ts';

/** Normalised mean squared error. */
const limit = 1e-5;

/** The shape of a model that takes no time. */
export const small: Omit<RandomModelSpec, 'architecture'> = {
  layers: 2,
  width: 64,
  heads: 4,
  kvHeads: 2,
  keyLength: 16,
  feedForward: 96,
  vocabulary: 160,
};

/** Tokens that mean nothing. */
export const sequence = (n: number, vocabulary: number): number[] =>
  Array.from({ length: n }, (_, i) => (i * 7919 + 13) % vocabulary);

export interface AgreesOptions extends Partial<Pick<OracleOptions, 'context' | 'kvType' | 'rope'>> {
  readonly tokens?: number;
}

/** Every token's logits equal libllama's, for a file written to `spec`. */
export async function agrees(spec: RandomModelSpec, given: AgreesOptions = {}): Promise<void> {
  const { tokens = 40, ...options } = { context: 256, ...given };
  const { context, rope, kvType } = options;
  using folder = tempFolder();
  const path = writeRandom(folder.file('model.gguf'), spec);
  const ids = sequence(tokens, spec.vocabulary);
  const expected = oracleLogits(path, ids, options);
  await using model = await openRuntime(path, { context, rope, kv: { type: kvType } });
  const logits = await model.logits(ids);
  for (const [i, own] of logits.entries()) {
    const theirs = expected[i] ?? new Float32Array();
    const error = nmse(own, theirs);
    assert.ok(error <= limit, `token ${i}: NMSE ${error}`);
    const nearTie = topGap(theirs) < 1e-2 * Math.max(...theirs.map(Math.abs));
    if (!nearTie) assert.equal(argmax(own), argmax(theirs), `token ${i}: another token is likeliest`);
  }
}
