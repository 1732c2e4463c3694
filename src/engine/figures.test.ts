import assert from 'node:assert/strict';
import test from 'node:test';
import type { Round } from './benchmark.ts';
import { figuresOf } from './figures.ts';

const memory = { budget: 1, peak: 1, resident: 0, ring: 0, kv: 0, compute: 0, runtime: 0 };

interface Sketch {
  /** Bytes per second of reading alone; left out, nothing streams. */
  readonly rate?: number;
  readonly computing?: number;
  /** Seconds that two tokens of 50 bytes each took. */
  readonly seconds?: number;
}

function round({ rate, computing = 0.1, seconds = 2 }: Sketch): Round {
  return {
    reading: rate === undefined ? null : { seconds: 3, bytes: 3 * rate },
    prefill: { cached: 0, tokens: 8, seconds: 4, bytes_read: 70, ttft_ms: 4000 },
    decode: { tokens: 2, seconds, tokens_per_s: 2 / seconds, bytes_per_token: 50, io_s: 1, compute_s: 1, stall_s: 1 },
    computing_s: computing,
    memory,
  };
}

const fractionOf = (sketch: Sketch): number => figuresOf([round(sketch)]).decode.fraction_of_limit;

test('the limit is the slower of reading and computing a token', () => {
  // A token takes a second; its 50 bytes take 0.5 s of reading, or 0.8 s.
  assert.equal(fractionOf({ rate: 100 }), 0.5);
  assert.equal(fractionOf({ rate: 62.5 }), 0.8);
  assert.equal(fractionOf({ rate: 100, computing: 0.9 }), 0.9);
  assert.equal(fractionOf({ computing: 0.9 }), 0.9);
});

test('each round is held against its own rate, and the median of the rounds counts', () => {
  // Of the medians alone, 50 bytes at 100 per second in 1 s, it would be 0.5.
  const rounds = [
    { rate: 50, seconds: 2 },
    { rate: 100, seconds: 4 },
    { rate: 200, seconds: 1 },
  ].map(round);
  const { decode, alone, spread } = figuresOf(rounds);
  assert.equal(decode.fraction_of_limit, 0.5);
  assert.deepEqual(spread.fraction_of_limit, [0.25, 1]);
  assert.equal(decode.tokens_per_s, 1);
  assert.deepEqual(spread.decode_tokens_per_s, [0.5, 2]);
  assert.equal(alone.bytes_per_s, 100);
  assert.deepEqual(spread.bytes_per_s, [50, 200]);
});

test('without streaming there is no rate of reading', () => {
  const { alone, spread, prefill } = figuresOf([round({})]);
  assert.deepEqual([alone.bytes_per_s, spread.bytes_per_s], [null, null]);
  assert.deepEqual(prefill, { tokens: 8, tokens_per_s: 2, ttft_ms: 4000, bytes_read: 70 });
});
