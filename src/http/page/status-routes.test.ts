import assert from 'node:assert/strict';
import test from 'node:test';
import { FakeBackend, FakeLog } from '../../../test/support/fake-backend.ts';
import { dataOf, post, served } from '../../../test/support/served.ts';
import { machineBytes } from '../../runtime/machine.ts';
import { statusRoutes } from './status-routes.ts';

const figures = [
  { name: 'ssdllm_bytes_read_total', kind: 'counter' as const, help: '', values: [{ labels: {}, value: 42 }] },
  {
    name: 'ssdllm_requests_total',
    kind: 'counter' as const,
    help: '',
    values: [
      { labels: { outcome: 'stop' }, value: 3 },
      { labels: { outcome: 'busy' }, value: 1 },
    ],
  },
];

test('the status is one document: version, health, the figures of /metrics, and the engine, if one runs', async () => {
  const { app, backend } = served({ health: () => 'loading' });
  backend.figures = figures;
  const response = await app.request('/api/status');
  const { server, version, ...status } = (await response.json()) as { server: { rss: number }; version: string };
  assert.ok(server.rss > 0 && /^\d+\.\d+\.\d+/.test(version));
  assert.deepEqual(status, {
    time: 1_800_000_000_000,
    health: 'loading',
    figures: { bytes_read_total: 42 },
    outcomes: { stop: 3, busy: 1 },
    engine: null,
  });
});

test('a stream of it has an event at once and another one after each rest, until the client leaves', async () => {
  const backend = new FakeBackend();
  const abort = new AbortController();
  const rests: number[] = [];
  const app = statusRoutes(
    backend,
    new FakeLog(),
    () => 'ok',
    async () => {
      rests.push(backend.calls.length);
      if (rests.length === 3) abort.abort();
    },
  );
  const response = await app.request('/api/status?stream', { signal: abort.signal });
  assert.equal(response.headers.get('content-type'), 'text/event-stream');
  const events = dataOf(await response.text());
  assert.deepEqual(rests, [1, 2, 3]);
  assert.deepEqual(
    events.map((data) => JSON.parse(data).health),
    ['ok', 'ok', 'ok'],
  );
});

test('a plan is asked for with what changes, and wrong values are refused by name', async () => {
  const { app, backend } = served();
  const response = await post({ app }, '/api/plan', { budget: 1e9, kv_type: 'q8_0', context: null, draft: false });
  assert.deepEqual(await response.json(), { plan: null, needed: 7, speed: null });
  assert.deepEqual(backend.calls, [
    'what if tiny:q4_1 {"budget":1000000000,"kvType":"q8_0","context":null,"draft":false}',
  ]);
  for (const budget of ['8 plums', '8', '200%', '']) {
    const wrong = await post({ app }, '/api/plan', { budget });
    assert.equal(wrong.status, 400, `${budget}`);
    assert.match(((await wrong.json()) as { error: string }).error, /^budget: expected bytes, .*8GB/);
  }
  const unknown = await post({ app }, '/api/plan', { budget: 1e9, kvType: 'q8_0' });
  assert.equal(unknown.status, 400);
  assert.match(
    ((await unknown.json()) as { error: string }).error,
    /^kvType: unknown \(did you mean kv_type\?\); a plan has model, budget, kv_type/,
  );
});

test('a budget in a plan is given as on the command line, too', async () => {
  const { app, backend } = served();
  for (const budget of ['8 GB', '50%', 'auto']) await post({ app }, '/api/plan', { budget });
  const budgets = backend.calls.map((call) => JSON.parse(call.replace(/^.*?(?=\{)/, '')).budget);
  assert.deepEqual(budgets, [8 * 2 ** 30, Math.floor(machineBytes() / 2), undefined]);
});

test('with a key, the status and plans need it', async () => {
  const { app } = served({ apiKey: 'secret' });
  assert.equal((await app.request('/api/status')).status, 401);
  assert.equal((await post({ app }, '/api/plan', {})).status, 401);
  const headers = { authorization: 'Bearer secret' };
  assert.equal((await app.request('/api/status', { headers })).status, 200);
});
