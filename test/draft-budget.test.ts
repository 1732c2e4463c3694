import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import type { EngineError } from '../src/base/errors.ts';

import { CpuDevice } from '../src/ggml/cpu-device.ts';
import { type Plan, planBytes } from '../src/plan/plan.ts';
import { type ModelOutline, openOutline } from '../src/runtime/model-outline.ts';
import type { PlanOptions } from '../src/runtime/planner.ts';
import {
  ask,
  assertAnswer,
  collectAnswer,
  greedy,
  openBatchModel,
  promptOf,
  writeBatchModel,
} from './support/batch-model.ts';
import { openDrafted, watchedReads, writeNoiseModel } from './support/drafted-model.ts';
import { thrown } from './support/engine-error.ts';
import { planFor } from './support/open-model.ts';
import { shared } from './support/shared.ts';
import { sharedFolder } from './support/temp-folder.ts';

const MiB = 2 ** 20;
const folder = sharedFolder();
const path = writeBatchModel(folder.file('model.gguf'));
const short = writeBatchModel(folder.file('short.gguf'), 64);
const noise = writeNoiseModel(folder.file('noise.gguf'));

const device = shared(new CpuDevice(1));
const target = openOutline(path);
const drafts = [path, short, noise].map((one) => openOutline(one));
const [itself = assert.fail(), trainedForLess = assert.fail()] = drafts;

/** Options for a plan beside one of the draft models. */
type Wanted = Partial<Omit<PlanOptions, 'draft'>>;
const plan = (draft: ModelOutline | undefined, wanted: Wanted = {}): Plan =>
  planFor(device, target, { kernels: 'auto', budget: 2 ** 30, ahead: 7, ...wanted, draft });

/** The error for a budget in which nothing fits. */
const refusal = (draft: ModelOutline, wanted: Wanted): EngineError<'BUDGET_TOO_SMALL'> =>
  thrown('BUDGET_TOO_SMALL', () => plan(draft, wanted));

const anyDraft = fc.nat(drafts.length - 1);
const outlineAt = (i: number): ModelOutline => drafts[i] ?? assert.fail();
const anyWanted: fc.Arbitrary<Wanted> = fc.record({
  kernels: fc.constantFrom('plain', 'auto'),
  context: fc.option(fc.integer({ min: 1, max: 256 }), { nil: undefined }),
  parallel: fc.constantFrom<number | 'auto'>(1, 3, 'auto'),
  ahead: fc.nat(9),
});

test('within any budget that is enough there is the draft model as a whole: weights, KV, and what it computes with', () => {
  fc.assert(
    fc.property(anyDraft, anyWanted, fc.nat(80 * MiB), (i, wanted, more) => {
      const draft = outlineAt(i);
      const budget = refusal(draft, { ...wanted, budget: 1 }).details.needed + 4 * MiB + more;
      const made = plan(draft, { ...wanted, budget });
      assert.ok(planBytes(made) <= budget, `${planBytes(made)} bytes of ${budget}`);
      const own = made.draft ?? assert.fail();
      assert.equal(made.shares.draft, planBytes(own));
      assert.deepEqual([own.streamed, own.bytesPerPass, own.shares.runtime, own.ahead], [[], 0, 0, 0]);
      assert.equal(own.parallel, made.parallel);
      assert.equal(own.context, Math.min(made.context, draft.config.context));
    }),
    { numRuns: 25 },
  );
});

test('a budget too small for both is refused with what the draft model takes, and the one that is named works', () => {
  fc.assert(
    fc.property(anyDraft, anyWanted, (i, wanted) => {
      const draft = outlineAt(i);
      const given = { ...wanted, context: wanted.context ?? 100, parallel: 2 };
      const { needed, parts } = refusal(draft, { ...given, budget: 1 }).details;
      const made = plan(draft, { ...given, budget: needed });
      assert.equal(parts['draft model'], made.shares.draft);
      assert.equal(
        needed,
        Object.values(parts).reduce((sum, bytes) => sum + bytes, 0),
      );
      assert.ok(planBytes(made) <= needed);
      // The figure in the error has 4 MiB to spare.
      const half = Math.max(1, Math.floor((needed - 4 * MiB) / 2));
      assert.equal(refusal(draft, { ...given, budget: half }).details.needed, needed);
    }),
    { numRuns: 15 },
  );
  const { message } = refusal(itself, { budget: 20 * MiB, context: 256 });
  assert.match(message, /draft model \d+(\.\d+)? MiB/);
});

test('more sequences, and a longer context, take more for the draft model too', () => {
  const bytes = (parallel: number, context: number): number =>
    plan(itself, { parallel, context, kernels: 'plain' }).shares.draft;
  assert.ok(bytes(2, 256) - bytes(1, 256) > 1.5 * MiB, 'keys and values of 256 tokens');
  assert.ok(bytes(1, 256) - bytes(1, 128) > 0.7 * MiB);
  assert.ok(plan(trainedForLess, { context: 256 }).shares.draft < plan(itself, { context: 256 }).shares.draft);
});

test('without a draft model there is no share for one', () => {
  const made = plan(undefined);
  assert.deepEqual([made.shares.draft, made.draft], [0, undefined]);
});

test('a text longer than the draft model was trained for goes on without drafts', async () => {
  await using plain = openBatchModel(path, { parallel: 1 });
  const prompt = promptOf(1, 20);
  const options = { maxTokens: 80 };
  const expected = await ask(plain, prompt, options);
  await using model = await openDrafted(path, { draft: { model: short, ahead: 7, adaptive: false }, parallel: 2 });
  assert.deepEqual([model.plan().context, model.plan().draft?.context], [256, 64]);
  const generations = [1, 2].map(() => model.generate(prompt, { ...greedy, logprobs: 2, ...options }));
  for (const { tokens } of await Promise.all(generations.map(collectAnswer))) assertAnswer(tokens, expected);
  for (const { stats } of generations) {
    const { drafted, accepted, passes } = stats?.speculation ?? assert.fail();
    // Five times 7 take the text from 21 tokens to 61, of which 64 can be stored; the last draft need not be.
    assert.deepEqual([drafted, accepted], [39, 39]);
    assert.equal(passes, 79 - 39);
  }
  const long = promptOf(2, 100);
  const beyond = model.generate(long, { ...greedy, logprobs: 2, maxTokens: 9 });
  assertAnswer((await collectAnswer(beyond)).tokens, await ask(plain, long, { maxTokens: 9 }));
  assert.deepEqual(beyond.stats?.speculation, { drafted: 0, accepted: 0, passes: 8, tokens_per_pass: 1 });
});

test('what a generation and a model say of their memory has the draft model in it', async () => {
  await using model = await openDrafted(path, { draft: { model: noise, ahead: 3 } });
  const generation = model.generate(promptOf(0, 9), { ...greedy, maxTokens: 4 });
  for await (const _ of generation);
  const { draft, budget, ...others } = generation.stats?.memory ?? assert.fail();
  assert.equal(draft, model.plan().shares.draft);
  assert.ok(draft > 0);
  const { peak: _, ...shares } = others;
  assert.ok(Object.values(shares).reduce((sum, bytes) => sum + bytes, draft) <= budget);
});

test('loading a model loads its draft model too, once', async () => {
  let reads = 0;
  const readAt = watchedReads(noise, () => {
    reads += 1;
  });
  await using model = await openDrafted(path, { draft: { model: noise, ahead: 2, adaptive: false }, readAt });
  await model.load();
  const loaded = reads;
  assert.ok(loaded > 5, `${loaded} reads`);
  await model.load();
  assert.equal(reads, loaded);
  const generation = model.generate(promptOf(0, 1), { ...greedy, maxTokens: 2 });
  for await (const _ of generation);
  assert.equal(reads, loaded, 'no draft would be part of the answer');
});
