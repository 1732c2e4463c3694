import assert from 'node:assert/strict';
import test from 'node:test';
import type { BenchmarkRound } from './benchmark.ts';
import { medianFigures } from './benchmark-figures.ts';

const memory = {
  budget: 1,
  peak: 1,
  resident: 0,
  ring: 0,
  kv: 0,
  compute: 0,
  experts: 0,
  adapters: 0,
  draft: 0,
  runtime: 0,
};

interface Sketch {
  /** Bytes per second of reading alone; by default nothing streams. */
  readonly rate?: number;
  readonly computing?: number;
  /** Seconds that two tokens of 50 bytes each took. */
  readonly seconds?: number;
  /** Passes that gave the two tokens: one each, or fewer with drafts. */
  readonly passes?: number;
  readonly drafted?: number;
  readonly experts?: BenchmarkRound['experts'];
}

function round({
  rate,
  computing = 0.1,
  seconds = 2,
  passes = 2,
  drafted = 0,
  experts = null,
}: Sketch): BenchmarkRound {
  return {
    reading: rate === undefined ? null : { seconds: 3, bytes: 3 * rate },
    prefill: { cached: 0, tokens: 8, seconds: 4, bytes_read: 70, ttft_ms: 4000 },
    decode: { tokens: 2, seconds, tokens_per_s: 2 / seconds, bytes_per_token: 50, io_s: 1, compute_s: 1, stall_s: 1 },
    speculation: { drafted, accepted: 2 - passes, passes, tokens_per_pass: 2 / passes },
    experts,
    computing_s: computing,
    limit_s: Math.max(rate === undefined ? 0 : 100 / rate, passes * computing),
    memory,
  };
}

test('each round is held against its own rate, and the median of the rounds counts', () => {
  // The medians alone, 50 bytes at 100 per second in 1 s, would give 0.5.
  const rounds = [
    { rate: 50, seconds: 2 },
    { rate: 100, seconds: 4 },
    { rate: 200, seconds: 1 },
  ].map(round);
  const { decode, alone, spread } = medianFigures(rounds);
  assert.equal(decode.fraction_of_limit, 0.5);
  assert.deepEqual(spread.fraction_of_limit, [0.25, 1]);
  assert.equal(decode.tokens_per_s, 1);
  assert.deepEqual(spread.decode_tokens_per_s, [0.5, 2]);
  assert.equal(alone.bytes_per_s, 100);
  assert.deepEqual(spread.bytes_per_s, [50, 200]);
});

test('without streaming there is no rate of reading', () => {
  const { alone, spread, prefill } = medianFigures([round({})]);
  assert.deepEqual([alone.bytes_per_s, spread.bytes_per_s], [null, null]);
  assert.deepEqual(prefill, { tokens: 8, tokens_per_s: 2, ttft_ms: 4000, bytes_read: 70 });
});

test('computing alone is told by token, however many of them a pass yields', () => {
  assert.equal(medianFigures([round({ passes: 1, drafted: 3, computing: 1.5 })]).alone.compute_s_per_token, 0.75);
});

test('what was drafted is told in medians, and not at all where nothing was', () => {
  const drafted = [1, 3, 5].map((drafted) => round({ passes: 1, drafted }));
  assert.deepEqual(medianFigures(drafted).speculation, { drafted: 3, accepted: 1, passes: 1, tokens_per_pass: 2 });
  assert.equal(medianFigures([round({}), round({})]).speculation, null);
});

test('no fraction is above 1: a limit that was measured while other work was in the way is none', () => {
  const { decode, spread } = medianFigures([round({ rate: 10, seconds: 2 }), round({ rate: 100, seconds: 2 })]);
  assert.deepEqual([decode.fraction_of_limit, spread.fraction_of_limit], [0.75, [0.5, 1]]);
});

test('experts are told in medians, and not at all where all are resident', () => {
  const rounds = [1, 5, 3].map((n) =>
    round({ experts: { asked: 10 * n, hits: n, bytes_read: 100 * n, stall_s: n / 10, layers: [] } }),
  );
  assert.deepEqual(medianFigures(rounds).experts, { asked: 30, hits: 3, bytes_read: 300, stall_s: 0.3 });
  assert.equal(medianFigures([round({})]).experts, null);
});
