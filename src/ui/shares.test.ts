import assert from 'node:assert/strict';
import test from 'node:test';
import { emptyAnswer, withLine } from './chat-answer.ts';
import { Rates, sharesOf } from './shares.ts';

test('shares add up to the budget, and empty ones are left out', () => {
  const memory = { runtime: 100, kv: 20, compute: 10, ring: 5, resident: 60, experts: 0, adapters: 0, draft: 0 };
  const shares = sharesOf({ memory, unused: 7 });
  assert.deepEqual(
    shares.map(({ kind, bytes }) => `${kind} ${bytes}`),
    ['runtime 100', 'kv 20', 'compute 10', 'ring 5', 'resident 60', 'unused 7'],
  );
});

test('rates are those of the last three seconds, and begin anew with a new server', () => {
  const rates = new Rates();
  const add = (time: number, read: number, passes: number): void =>
    rates.add({ time, figures: { read, passes_total: passes, seconds: read / 1000 } });
  add(0, 0, 0);
  assert.equal(rates.perSecond('read'), 0);
  assert.equal(rates.per('read', 'seconds'), undefined);
  for (let i = 1; i <= 8; i += 1) add(1000 * i, i <= 4 ? 1000 * i : 4000 + 500 * (i - 4), i);
  assert.equal(rates.perSecond('read'), 500);
  assert.ok(Math.abs((rates.per('read', 'seconds') ?? 0) - 1000) < 1e-6);
  add(9000, 10, 1);
  assert.equal(rates.perSecond('read'), 0);
});

test('an answer grows line by line: thoughts, text, calls, and its cost in the end', () => {
  const call = { function: { name: 'weather', arguments: { city: 'Bern' } } };
  const lines = [
    { message: { thinking: 'Hm' } },
    { message: { content: 'It <b>' } },
    { message: { content: 'is', tool_calls: [call] } },
    { message: { content: '' }, done: true, prompt_eval_count: 7, eval_count: 4, eval_duration: 2e9 },
  ];
  assert.deepEqual(lines.reduce(withLine, emptyAnswer), {
    text: 'It <b>is',
    thoughts: 'Hm',
    calls: [call],
    error: undefined,
    cost: { prompt: 7, answer: 4, rate: 2 },
  });
  assert.equal(withLine(emptyAnswer, { error: 'it broke' }).error, 'it broke');
});
