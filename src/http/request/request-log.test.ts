import assert from 'node:assert/strict';
import test from 'node:test';
import { Hono } from 'hono';
import type { Answer, Ending } from '../../worker/backend.ts';
import { logRequests, recorded } from './request-log.ts';

const ending = { promptTokens: 7, answerTokens: 6, answerSeconds: 2 } as Partial<Ending> as Ending;

const answer = (fails: boolean): Answer => ({
  promptTokens: 7,
  warnings: [],
  ending,
  async *[Symbol.asyncIterator]() {
    yield { text: 'a', logprobs: [] };
    if (fails) throw new Error('it failed');
  },
});

function logged(): { lines: object[]; app: Hono } {
  const lines: object[] = [];
  const info = ({ seconds, ...fields }: { seconds?: number }): unknown => lines.push(fields);
  const app = new Hono();
  app.use(logRequests({ debug: info, info, warn: info, error: info }));
  return { lines, app };
}

test('a request is logged with its model, tokens and rate once the last of its answers has ended', async () => {
  const { lines, app } = logged();
  const answers: Answer[] = [];
  app.get('/', async (c) => {
    for (let i = 0; i < 2; i += 1) answers.push(await recorded(c.req.raw, 'm', async () => answer(false)));
    return c.text('begun');
  });
  await app.request('/');
  for (const [i, one] of answers.entries()) {
    assert.equal(lines.length, 0, `${i}`);
    for await (const _ of one);
  }
  const request = { method: 'GET', path: '/', status: 200 };
  assert.deepEqual(lines, [{ ...request, model: 'm', prompt_tokens: 7, tokens: 12, tokens_per_s: 6 }]);
});

test('a request without an answer, and one whose answer fails to begin, are logged at once', async () => {
  const { lines, app } = logged();
  app.get('/', (c) => c.text('no answer'));
  app.get('/fails', async (c) => {
    await recorded(c.req.raw, 'm', async () => answer(true));
    await recorded(c.req.raw, 'm', () => Promise.reject(new Error('full'))).catch(() => {});
    return c.text('failed', 503);
  });
  await app.request('/');
  await app.request('/fails');
  assert.deepEqual(lines, [
    { method: 'GET', path: '/', status: 200 },
    { method: 'GET', path: '/fails', status: 503, model: 'm' },
  ]);
});
