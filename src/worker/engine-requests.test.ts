import assert from 'node:assert/strict';
import test from 'node:test';
import { engineError } from '../../test/support/engine-error.ts';
import { EngineError } from '../base/errors.ts';
import { serializeError } from '../base/serialized-error.ts';
import { idleState, zeroTotals } from '../engine/engine-totals.ts';
import type { GenerationRequest } from './backend.ts';
import { EngineRequests, type ProcessAnswer, type RequestReport } from './engine-requests.ts';
import type { EngineOrder, ReportBody } from './protocol.ts';

const request: GenerationRequest = { prompt: { kind: 'tokens', tokens: [1] }, sampling: {}, stop: [] };

/** An engine that does nothing by itself. */
class StillEngine {
  readonly orders: EngineOrder[] = [];
  reachable = true;
  readonly requests = new EngineRequests('tiny', (order) => {
    if (this.reachable) this.orders.push(order);
    return this.reachable;
  });

  report(report: ReportBody<RequestReport>): void {
    this.requests.receive({ ...report, stats: { sums: zeroTotals, state: idleState } });
  }

  /** The answer to request `id`, which is accepted. */
  async accepted(id: number, signal = new AbortController().signal): Promise<ProcessAnswer> {
    const answer = this.requests.generate(request, signal);
    this.report({ kind: 'accepted', id, promptTokens: 10 * id });
    return await answer;
  }

  delta(id: number, text: string): void {
    this.report({ kind: 'delta', id, text, logprobs: [] });
  }

  /** Kinds of the orders, with the numbers of their requests. */
  get told(): readonly string[] {
    return this.orders.map((order) => ('id' in order ? `${order.kind} ${order.id}` : order.kind));
  }
}

const textOf = async ({ deltas }: ProcessAnswer): Promise<string> => {
  let whole = '';
  for await (const { text } of deltas) whole += text;
  return whole;
};

test('reports find their requests by number, in whatever order they come', async () => {
  const engine = new StillEngine();
  const [first, second] = [await engine.accepted(1), await engine.accepted(2)];
  const loaded = engine.requests.call({ name: 'template', conversation: { messages: [] } });
  assert.deepEqual([first.promptTokens, second.promptTokens], [10, 20]);
  engine.delta(2, 'b');
  engine.delta(1, 'a');
  engine.report({ kind: 'ended', id: 2, ending: undefined });
  engine.report({ kind: 'result', id: 3, value: 'rendered' });
  engine.delta(1, 'c');
  engine.report({ kind: 'ended', id: 1, ending: undefined });
  assert.deepEqual([await textOf(first), await textOf(second), await loaded], ['ac', 'b', 'rendered']);
  assert.deepEqual(engine.told, ['generate 1', 'generate 2', 'call 3']);
});

test('an error of the engine has its code and details, before an answer, in it, and for a call', async () => {
  const engine = new StillEngine();
  const failure = serializeError(new EngineError('CONTEXT_TOO_LONG', { prompt: 7, context: 5 }));
  const refused = engine.requests.generate(request, new AbortController().signal);
  engine.report({ kind: 'failure', id: 1, failure });
  await assert.rejects(refused, engineError('CONTEXT_TOO_LONG', /7/));
  const answer = await engine.accepted(2);
  engine.delta(2, 'some');
  engine.report({ kind: 'failure', id: 2, failure });
  assert.equal((await answer.deltas.next()).done, false);
  await assert.rejects(answer.deltas.next(), engineError('CONTEXT_TOO_LONG'));
  const call = engine.requests.call({ name: 'load' });
  engine.report({ kind: 'failure', id: 3, failure: serializeError(new Error('odd')) });
  await assert.rejects(call, /odd/);
  assert.ok(!engine.told.some((order) => order.startsWith('cancel')), 'what has failed is not cancelled');
});

test('an answer that is left, or whose client is gone, is cancelled once; one that has ended is not', async () => {
  const engine = new StillEngine();
  const left = await engine.accepted(1);
  engine.delta(1, 'some');
  for await (const _ of left.deltas) break;
  const client = new AbortController();
  await engine.accepted(2, client.signal);
  client.abort();
  const late = new AbortController();
  const whole = await engine.accepted(3, late.signal);
  engine.report({ kind: 'ended', id: 3, ending: undefined });
  await textOf(whole);
  late.abort();
  assert.deepEqual(engine.told.slice(2), ['generate 2', 'cancel 2', 'generate 3']);
  assert.equal(engine.told[1], 'cancel 1');
  await assert.rejects(engine.requests.generate(request, client.signal), { name: 'AbortError' });
});

test('with the engine all its requests fail, after the parts that had come; later ones fail at once', async () => {
  const engine = new StillEngine();
  const answer = await engine.accepted(1);
  const call = engine.requests.call({ name: 'load' });
  engine.delta(1, 'some');
  engine.requests.fail('signal SIGKILL');
  assert.equal((await answer.deltas.next()).done, false);
  await assert.rejects(answer.deltas.next(), engineError('ENGINE_DIED', /tiny.*signal SIGKILL/));
  await assert.rejects(call, engineError('ENGINE_DIED'));
  engine.reachable = false;
  await assert.rejects(engine.requests.generate(request, new AbortController().signal), engineError('ENGINE_DIED'));
  await assert.rejects(engine.requests.call({ name: 'load' }), engineError('ENGINE_DIED', /it has ended/));
});
