import assert from 'node:assert/strict';
import test from 'node:test';
import { writeBytePair } from '../../test/support/model-files.ts';
import { openTestModel } from '../../test/support/open-model.ts';
import { sharedPath } from '../../test/support/temp-folder.ts';
import type { DraftOptions } from '../engine/draft/drafter.ts';
import { type BenchmarkProgress, benchmark, firstToken, syntheticPrompt } from './benchmark.ts';
import { medianFigures } from './benchmark-figures.ts';
import type { Model } from './model.ts';
import { tracePass } from './trace.ts';

const MiB = 2 ** 20;
const shape = { layers: 10, width: 512, heads: 8, kvHeads: 4, feedForward: 1024, vocabulary: 400 };
const path = writeBytePair(sharedPath('model.gguf'), shape, { type: 'q8_0' });

/** Some 24 MB of weights; `beside` is the budget beside this process. */
const open = (beside: number, draft?: DraftOptions): Model =>
  openTestModel(path, beside, { kernels: 'auto', context: 64, draft });

test('a streaming model is measured: every part of every round, in turns', async () => {
  const began = performance.now();
  await using model = open(16 * MiB);
  const plan = model.plan();
  assert.ok(plan.bytesPerPass > 4 * MiB && plan.shares.resident > 2 * MiB, `${plan.bytesPerPass} streamed`);
  const first = await firstToken(model, plan, { began });
  assert.ok(first.seconds > 0 && first.bytes_read >= first.sweep_bytes && first.sweep_bytes > plan.bytesPerPass);

  const told: BenchmarkProgress[] = [];
  const rounds = await benchmark(model, {
    promptOf: syntheticPrompt(model, 9),
    tokens: 4,
    rounds: 2,
    onProgress: (at) => told.push(at),
  });
  assert.equal(rounds.length, 2);
  for (const { reading, prefill, decode, computing_s } of rounds) {
    // Slices of the next pass that were to be read ahead may not have come yet.
    const leastRead = plan.bytesPerPass - plan.shares.ring;
    assert.ok(reading && reading.seconds >= 0.3 && reading.bytes > leastRead, JSON.stringify(reading));
    assert.deepEqual([prefill.tokens, decode.tokens], [9, 4]);
    assert.ok(computing_s > 0);
    // Slices read ahead before the first pass are missing, those read ahead of the next one are there.
    const [least, most] = [plan.bytesPerPass - plan.shares.ring / 4, 1.3 * plan.bytesPerPass + plan.shares.ring / 4];
    assert.ok(decode.bytes_per_token > least && decode.bytes_per_token < most, `${decode.bytes_per_token}`);
    assert.ok(decode.io_s > 0 && decode.io_s <= decode.seconds && decode.compute_s > 0 && decode.stall_s >= 0);
  }
  const order = told.map(({ round, doing }) => `${round} ${doing}`);
  const doing = ['prefill', 'decoding', 'reading alone', 'computing alone'];
  assert.deepEqual(
    [...new Set(order)],
    [1, 2].flatMap((round) => doing.map((what) => `${round} ${what}`)),
  );
  assert.ok(told.every(({ done, total }) => done <= total));
  const { fraction_of_limit } = medianFigures(rounds).decode;
  assert.ok(fraction_of_limit > 0 && Number.isFinite(fraction_of_limit));
});

test('measuring leaves the model as it was: an answer is the same before and after', async () => {
  await using model = open(16 * MiB);
  await firstToken(model, model.plan(), { began: performance.now() });
  const answer = async (): Promise<readonly number[]> => {
    const generation = model.generate([5, 6, 7], { temperature: 0, ignoreEnd: true, maxTokens: 12 });
    for await (const _ of generation);
    return generation.tokens;
  };
  const before = await answer();
  await benchmark(model, { promptOf: syntheticPrompt(model, 3), tokens: 2, rounds: 1 });
  assert.deepEqual(await answer(), before);
  await tracePass(model, 4);
  assert.deepEqual(await answer(), before);
});

test('the same prompt is computed in every round, whatever was asked before', async () => {
  await using model = open(256 * MiB);
  const prompt = [5, 6, 7, 8];
  for await (const _ of model.generate(prompt, { temperature: 0, ignoreEnd: true, maxTokens: 2 }));
  const rounds = await benchmark(model, { promptOf: () => prompt, tokens: 2, rounds: 2 });
  assert.deepEqual(
    rounds.map(({ prefill }) => [prefill.tokens, prefill.cached]),
    [
      [4, 0],
      [4, 0],
    ],
  );
});

test('drafts make for fewer passes, and passes as long as those are computed alone', async () => {
  await using model = open(256 * MiB, { ngram: true, ahead: 15, adaptive: false });
  const decoding: number[] = [];
  const alone: number[] = [];
  await model.measure(async (runtime) => {
    const { run } = runtime;
    runtime.run = (spans, options) => {
      for (const { start, tokens } of spans) {
        if (start >= 9) (options?.withoutReads ? alone : decoding).push(tokens.length);
        assert.ok(start + tokens.length <= 9 + 50);
      }
      return run.call(runtime, spans, options);
    };
  });
  const [round] = await benchmark(model, { promptOf: syntheticPrompt(model, 9), tokens: 50, rounds: 1 });
  const { speculation, decode } = round ?? assert.fail();
  const { drafted, accepted, passes } = speculation;
  assert.ok(accepted > 0 && accepted <= drafted && passes + accepted === 50 && decode.tokens === 50);
  assert.equal(decoding.length, passes);
  assert.ok(alone.every((length) => decoding.includes(length)));
  assert.deepEqual([Math.min(...alone), Math.max(...alone)], [1, Math.max(...decoding)]);
});

test('where everything is resident there is nothing to read', async () => {
  await using model = open(256 * MiB);
  const plan = model.plan();
  await firstToken(model, plan, { began: performance.now() });
  const [round] = await benchmark(model, { promptOf: syntheticPrompt(model, 5), tokens: 3, rounds: 1 });
  assert.equal(plan.bytesPerPass, 0);
  assert.equal(round?.reading, null);
});

test('a traced pass tells its reads and its steps in order', async () => {
  await using model = open(16 * MiB);
  const plan = model.plan();
  await firstToken(model, plan, { began: performance.now() });
  const { reads, steps } = await tracePass(model, 2);
  const bytes = reads.reduce((sum, read) => sum + read.bytes, 0);
  assert.ok(bytes >= plan.bytesPerPass && reads.every(({ begin, end }) => begin <= end));
  let last = 0;
  for (const { requested, begin, end } of steps) {
    assert.ok(last <= requested && requested <= begin && begin <= end);
    last = end;
  }
  const streamed = new Set(steps.filter((step) => step.streamed).map(({ label }) => label));
  assert.ok(streamed.size > 5 && [...streamed].every((label) => /^(?:blk\.\d+\.|output)/.test(label)));
});

test('an abort ends the measuring', async () => {
  await using model = open(16 * MiB);
  const plan = model.plan();
  const signal = AbortSignal.abort();
  await assert.rejects(firstToken(model, plan, { began: 0, signal }), { name: 'AbortError' });
  await firstToken(model, plan, { began: 0 });
  const later = new AbortController();
  const onProgress = ({ doing }: BenchmarkProgress): void => {
    if (doing === 'decoding') later.abort();
  };
  const ended = benchmark(model, {
    promptOf: syntheticPrompt(model, 5),
    tokens: 30,
    rounds: 2,
    signal: later.signal,
    onProgress,
  });
  await assert.rejects(ended, { name: 'AbortError' });
});
