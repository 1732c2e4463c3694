import assert from 'node:assert/strict';
import test from 'node:test';
import { Hono } from 'hono';
import { Refusal } from '../refusal.ts';
import { releaseAfterResponse, reservationOf } from './reservations.ts';

test('a request holds what it does until its answer has been read, or nobody reads it', async () => {
  const megabytes = 40 * 2 ** 20;
  const app = new Hono();
  app.use(releaseAfterResponse);
  app.get('/', (c) => {
    reservationOf(c.req.raw).add(megabytes);
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
  const third = await app.request('/');
  assert.equal(third.status, 200);
  await third.body?.cancel();
});

test('a request whose client has left holds nothing of what still comes of its answer', async () => {
  const most = 60 * 2 ** 20;
  const app = new Hono();
  app.use(releaseAfterResponse);
  const requests: Request[] = [];
  app.get('/', (c) => {
    requests.push(c.req.raw);
    reservationOf(c.req.raw).add(1);
    return c.body(new ReadableStream());
  });
  await (await app.request('/')).body?.cancel();
  const [left] = requests;
  assert.ok(left);
  reservationOf(left).add(most);
  const next = new Request('http://localhost/next');
  using reservation = reservationOf(next);
  reservation.add(most);
});
