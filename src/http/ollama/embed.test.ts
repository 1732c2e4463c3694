import assert from 'node:assert/strict';
import test from 'node:test';
import { FakeBackend } from '../../../test/support/fake-backend.ts';
import { post, served } from '../../../test/support/served.ts';

const model = 'tiny:q4_1';
const callsOf = (backend: FakeBackend): readonly unknown[] =>
  backend.calls.map((call) => JSON.parse(call.replace(`embed ${model} `, '')));

test('texts are embedded in their order, with the cost of them', async () => {
  const server = served();
  const response = await post(server, '/api/embed', { model, input: ['one', 'plums'], keep_alive: 60 });
  assert.equal(response.status, 200);
  const { total_duration, ...body } = (await response.json()) as { total_duration: number };
  assert.ok(total_duration > 0);
  assert.deepEqual(body, {
    model,
    embeddings: [
      [3, 0],
      [5, Math.fround(0.1) && 0.1],
    ].map((vector) => vector.map((x) => Number(Math.fround(x).toPrecision(9)))),
    load_duration: 125_000_000,
    prompt_eval_count: 8,
  });
  assert.deepEqual(callsOf(server.backend), [{ inputs: ['one', 'plums'], truncate: true, keepAlive: 60 }]);
});

test('one text, the context, dimensions and truncation are asked for as clients do', async () => {
  const server = served();
  await post(server, '/api/embed', { input: 'one', truncate: false, dimensions: 2, options: { num_ctx: 99 } });
  assert.deepEqual(callsOf(server.backend), [{ inputs: ['one'], truncate: false, dimensions: 2, context: 99 }]);
  const empty = await post(server, '/api/embed', { model, input: '' });
  assert.deepEqual(((await empty.json()) as { embeddings: unknown }).embeddings, []);
});

test('older clients get the embedding of one prompt', async () => {
  const server = served();
  const response = await post(server, '/api/embeddings', { model, prompt: 'plums' });
  assert.deepEqual(await response.json(), { model, embedding: [5, 0] });
  const empty = await post(server, '/api/embeddings', { model });
  assert.deepEqual(await empty.json(), { model, embedding: [] });
});

test('inputs that are no texts, and models that are not there, are refused', async () => {
  for (const input of [7, [7], [['x']], { text: 'x' }]) {
    const response = await post(served(), '/api/embed', { model, input });
    assert.equal(response.status, 400);
    assert.match(((await response.json()) as { error: string }).error, /input.*expected/);
  }
  const missing = await post(served(), '/api/embed', { model, prompt: 'x' });
  assert.equal(await missing.text(), '{"error":"input: expected a value, but it is missing"}');
  assert.equal((await post(served(), '/api/embed', { model: 'none', input: 'x' })).status, 404);
  const backend = new FakeBackend();
  backend.failure = new Error('broken');
  const response = await post(served({}, backend), '/api/embed', { model, input: 'x' });
  assert.deepEqual([response.status, Object.keys((await response.json()) as object)], [500, ['error']]);
});
