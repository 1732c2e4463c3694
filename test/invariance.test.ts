import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import type { RandomModelSpec } from '../bench/random-model.ts';
import { EngineError } from '../src/base/errors.ts';
import { writeRandom } from './support/model-files.ts';
import { openRuntime, plenty } from './support/open-model.ts';
import { rounds } from './support/rounds.ts';
import { tempFolder } from './support/temp-folder.ts';

const types = ['f32', 'f16', 'q4_0', 'q4_1', 'q8_0', 'q4_K', 'q6_K', 'iq4_nl'] as const;

const anySpec: fc.Arbitrary<RandomModelSpec> = fc
  .record({
    architecture: fc.constantFrom('llama', 'qwen2', 'qwen3', 'gemma3', 'phi3' as const),
    layers: fc.integer({ min: 1, max: 5 }),
    width: fc.constantFrom(64, 256),
    feedForward: fc.constantFrom(96, 256, 512),
    vocabulary: fc.integer({ min: 33, max: 700 }),
    type: fc.constantFrom(...types),
    tied: fc.boolean(),
    alignment: fc.constantFrom(32, 64, 4096),
    split: fc.constantFrom(1, 2),
    seed: fc.integer({ min: 1, max: 1000 }),
  })
  .map(({ split, ...spec }) => ({ ...spec, heads: 4, kvHeads: 2, ...(split > 1 && { split }) }));

/**
 * The smallest budget for a model that takes `runtime` bytes beside it, as the error for a far too small one names it:
 * without what that adds for processes that differ.
 */
async function smallestBudget(path: string, context: number, runtime: number): Promise<number> {
  try {
    await using _model = await openRuntime(path, { budget: 1, context });
  } catch (error) {
    if (error instanceof EngineError && error.code === 'BUDGET_TOO_SMALL') {
      const { needed, parts } = (error as EngineError<'BUDGET_TOO_SMALL'>).details;
      return needed - (parts['runtime'] ?? 0) + runtime;
    }
    throw error;
  }
  throw new Error('a budget of one byte was enough');
}

interface Outcome {
  readonly streamed: number;
  /** Bytes that the plan counts beside the model. */
  readonly runtime: number;
  /** The logits of the prompt, and of each token that greedy decoding then takes, one pass at a time. */
  readonly logits: readonly Float32Array[];
}

async function outcome(path: string, budget: number, prompt: readonly number[]): Promise<Outcome> {
  await using model = await openRuntime(path, { budget, context: 64 });
  const logits = [...(await model.logits(prompt))];
  const { forward, caches } = model.runtime;
  const [cache] = caches.all;
  assert.ok(cache);
  const { state } = cache;
  for (let start = prompt.length; start < prompt.length + 6; start += 1) {
    const last = logits.at(-1) ?? new Float32Array();
    const token = last.reduce((best, v, i) => (v > (last[best] ?? 0) ? i : best), 0);
    logits.push((await forward.run([{ state, start, tokens: [token], logits: 'last' }])).slice());
  }
  return { streamed: model.plan.bytesPerPass, runtime: model.plan.shares.runtime, logits };
}

test('with plain kernels the logits are the same bits at every budget, from the smallest to all resident', async () => {
  const runs = rounds(10, 25);
  let streaming = 0;
  await fc.assert(
    fc.asyncProperty(anySpec, async (spec) => {
      using folder = tempFolder();
      const path = writeRandom(folder.file('model.gguf'), spec);
      const prompt = Array.from({ length: 9 }, (_, i) => (i * 31 + 5) % spec.vocabulary);
      const expected = await outcome(path, plenty, prompt);
      assert.equal(expected.streamed, 0);

      const least = await smallestBudget(path, 64, expected.runtime);
      const all = least + 1.1 * expected.logits.length + 4 * 2 ** 20;
      for (const share of [0, 0.1, 0.3, 0.6]) {
        const { streamed, logits } = await outcome(path, Math.ceil(least + share * (all - least)), prompt);
        if (streamed > 0) streaming += 1;
        assert.deepEqual(logits, expected.logits, `other logits with ${streamed} bytes streamed`);
      }
    }),
    { numRuns: runs, seed: 1, includeErrorInReport: true, endOnFailure: true },
  );
  assert.ok(streaming > runs, `weights were streamed in ${streaming} runs only`);
});
