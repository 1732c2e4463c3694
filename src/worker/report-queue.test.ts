import assert from 'node:assert/strict';
import test from 'node:test';
import { engineError } from '../../test/support/engine-error.ts';
import { idleState, zeroTotals } from '../engine/engine-totals.ts';
import type { EngineReport } from './protocol.ts';
import { ReportQueue } from './report-queue.ts';

const stats = { sums: zeroTotals, state: idleState };
/** A delta with the log-probabilities of `tokens`, each with as many others as may be asked for. */
const delta = (tokens = 0): EngineReport => {
  const one = { token: 1, text: 'a', bytes: [97], logprob: -1 };
  const logprobs = Array.from({ length: tokens }, () => ({ ...one, top: Array.from({ length: 20 }, () => one) }));
  return { kind: 'delta', id: 1, text: 'a', logprobs, stats };
};

test('a client that reads has every report, however long the answer', async () => {
  const queue = new ReportQueue(assert.fail);
  const likely = delta(1);
  for (let i = 0; i < 3000; i += 1) {
    queue.receive(likely);
    assert.equal((await queue.next()).kind, 'delta');
  }
});

test('reports of a client that does not read are dropped when they are too many, and the request is cancelled once', async () => {
  for (const tokens of [0, 1]) {
    let cancelled = 0;
    const queue = new ReportQueue(() => {
      cancelled += 1;
    });
    const one = delta(tokens);
    const most = Math.floor(2 ** 15 / (1 + 21 * tokens));
    for (let i = 0; i < most; i += 1) queue.receive(one);
    assert.equal(cancelled, 0);
    assert.equal((await queue.next()).kind, 'delta', 'so many may wait');
    for (let i = 0; i < 3; i += 1) queue.receive(one);
    assert.equal(cancelled, 1);
    queue.fail(new Error('gone'));
    await assert.rejects(queue.next(), engineError('ANSWER_UNREAD'));
  }
});

test('reports before the end of the engine are read, then its reason', async () => {
  const queue = new ReportQueue(assert.fail);
  const next = queue.next();
  queue.receive(delta());
  assert.equal((await next).kind, 'delta');
  const last = queue.next();
  queue.fail(new Error('gone'));
  await assert.rejects(last, /gone/);
});
