import assert from 'node:assert/strict';
import test from 'node:test';
import { Hono } from 'hono';
import { heldUntilAnswered, holdOf } from './holds.ts';
import { Refusal } from './refusal.ts';

test('a request holds what it does until its answer has been read, or nobody reads it', async () => {
  const megabytes = 40 * 2 ** 20;
  const app = new Hono();
  app.use(heldUntilAnswered);
  app.get('/', (c) => {
    holdOf(c.req.raw).add(megabytes);
    return c.body(new Blob(['some', ' text']).stream());
  });
  app.onError((error, c) => c.text(error.message, error instanceof Refusal ? error.status : 500));
  const first = await app.request('/');
  assert.equal((await app.request('/')).status, 503);
  assert.equal(await first.text(), 'some text');
  const second = await app.request('/');
  assert.equal(second.status, 200);
  assert.equal((await app.request('/')).status, 503);
  await second.body?.cancel();
  assert.equal((await app.request('/')).status, 200);
});
