import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Hono } from 'hono';
import { deferred } from '../../test/support/deferred.ts';
import { engineError } from '../../test/support/engine-error.ts';
import { serving } from '../../test/support/serving.ts';
import { urlOf } from './address.ts';
import { listen, type RunningServer } from './server.ts';
import { clientOf, streamed } from './streaming.ts';

/** Milliseconds that no test takes: what waits for them has failed. */
const late = 3_600_000;
const local = { host: '127.0.0.1', port: 0 } as const;

/** Answers `/`; `/slow` when `release` is called; `/endless` never ends. */
function slowApp(): { app: Hono; release: () => void; asked: Promise<void>; cancelled: Promise<void> } {
  const app = new Hono();
  const { promise: released, resolve: release } = deferred();
  const { promise: asked, resolve: ask } = deferred();
  const { promise: cancelled, resolve: cancel } = deferred();
  app.get('/', (c) => c.text('hello'));
  app.get('/slow', async (c) => {
    ask();
    await released;
    return c.text('at last');
  });
  app.get('/endless', () => {
    ask();
    const body = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(1)), cancel });
    return new Response(body);
  });
  app.post('/', async (c) => c.text(await c.req.text()));
  return { app, release, asked, cancelled };
}

const open = async ({ address }: RunningServer): Promise<Socket> => {
  const socket = connect(address);
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
};

const untilClosed = async (socket: Socket): Promise<void> => {
  socket.resume();
  // Not `once`, which rejects where the other side resets the connection.
  if (!socket.closed) await new Promise((resolve) => socket.on('close', resolve));
};

test('an app is served under the address that was taken', async () => {
  await using server = await serving(slowApp().app);
  assert.ok(server.address.port > 0);
  const response = await fetch(urlOf(server.address), { method: 'POST', body: 'echo' });
  assert.equal(await response.text(), 'echo');
});

test('HTTP/1.0 needs no host, HTTP/1.1 does', async () => {
  await using server = await serving(slowApp().app);
  for (const [request, status] of [
    ['GET / HTTP/1.0\r\n\r\n', 200],
    ['GET / HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
  ] as const) {
    const socket = await open(server);
    socket.write(request);
    assert.match(await text(socket), new RegExp(`^HTTP/1\\.1 ${status} `));
  }
});

test('a port in use, and an address of another machine, are errors that say so', async () => {
  const { app } = slowApp();
  await using server = await serving(app);
  await assert.rejects(
    listen(app, server.address),
    engineError('PORT_IN_USE', new RegExp(`port ${server.address.port} of 127\\.0\\.0\\.1 is in use.*--port`)),
  );
  await assert.rejects(listen(app, { host: '192.0.2.1', port: 0 }), /--host and --port 192\.0\.2\.1 0 .*EADDRNOTAVAIL/);
});

test('clients that send their request too slowly, or not at all, are cut off; others are not', async () => {
  const patience = { headers: 200, request: 1500, idle: 1000, check: 50 };
  const { app, release, asked } = slowApp();
  await using server = await serving(app, { patience });
  const slow = fetch(`${urlOf(server.address)}/slow`);
  await asked;
  const silent = await open(server);
  const headers = await open(server);
  headers.write('GET / HTTP/1.1\r\nHost: x\r\nA: ');
  const drip = setInterval(() => headers.write('a'), 50);
  const body = await open(server);
  body.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n');
  const pour = setInterval(() => body.write('a'), 50);
  try {
    const order: string[] = [];
    const closing = Object.entries({ silent, headers, body }).map(async ([name, socket]) => {
      await untilClosed(socket);
      order.push(name);
    });
    await Promise.all(closing);
    assert.equal(order.at(-1), 'body', 'a body may take longer than headers');
  } finally {
    clearInterval(drip);
    clearInterval(pour);
  }
  release();
  assert.equal(await (await slow).text(), 'at last');
});

test('a connection that waits for its next request is ended after a while', async () => {
  await using server = await serving(slowApp().app, {
    patience: { headers: 1000, request: 1000, idle: 200, check: 50 },
  });
  const socket = await open(server);
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await untilClosed(socket);
});

test('a client that reads nothing of a long answer is cut off', async () => {
  const app = new Hono();
  const { promise: left, resolve: leave } = deferred();
  app.get('/', ({ req }) => {
    const client = clientOf(req.raw);
    client.signal.addEventListener('abort', leave);
    return streamed(
      client,
      { contentType: 'text/plain', keepAlive: () => ' ', failed: () => '', patience: 200 },
      async (write) => {
        for (;;) await write('x'.repeat(2 ** 16));
      },
    );
  });
  await using server = await serving(app);
  const socket = await open(server);
  socket.pause();
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await left;
  // An unread body does not keep the connection.
  await untilClosed(socket);
});

test('closing takes no more connections, ends idle ones and waits for the answer under way', async () => {
  const { app, release, asked } = slowApp();
  const server = await listen(app, local);
  using agent = disposable(new Agent({ keepAlive: true }));
  await answer(server, agent, '/');
  const [silent, partial] = [await open(server), await open(server)];
  partial.write('GET / HT');
  const slow = answer(server, agent, '/slow');
  await asked;

  let closed = false;
  const closing = server.close(late).then(() => {
    closed = true;
  });
  await Promise.all([silent, partial].map(untilClosed));
  await assert.rejects(fetch(urlOf(server.address)));
  assert.equal(closed, false);
  release();
  assert.equal(await slow, 'at last');
  // A connection that could be used again does not hold it up.
  await closing;
});

test('an answer that takes longer than the grace is cut', async () => {
  const { app, asked, cancelled } = slowApp();
  const server = await listen(app, local);
  const response = await fetch(`${urlOf(server.address)}/endless`);
  await asked;
  const began = performance.now();
  await server.close(200);
  const took = performance.now() - began;
  assert.ok(took >= 190, `${took} ms`);
  await assert.rejects(response.text());
  await cancelled;
});

test('closing once more may cut sooner', async () => {
  const { app, asked } = slowApp();
  const server = await listen(app, local);
  const cut = assert.rejects(fetch(`${urlOf(server.address)}/slow`));
  await asked;
  const first = server.close(late);
  await sleep(20);
  await Promise.all([first, server.close(0), cut]);
  await server.close(0);
});

test('a server that nobody asks closes at once', async () => {
  const server = await listen(slowApp().app, local);
  await server.close(late);
});

const disposable = (agent: Agent): Agent & Disposable =>
  Object.assign(agent, { [Symbol.dispose]: () => agent.destroy() });

const answer = async ({ address }: RunningServer, agent: Agent, path: string): Promise<string> => {
  const request = get({ ...address, agent, path });
  const [response] = await once(request, 'response');
  return text(response);
};
