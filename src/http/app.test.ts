import assert from 'node:assert/strict';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import test from 'node:test';
import { dataOf, post, served } from '../../test/support/served.ts';
import { serving } from '../../test/support/serving.ts';
import { EngineError } from '../base/errors.ts';
import type { RunningServer } from './server.ts';

test('each request is logged, without its body', async () => {
  const server = served();
  await server.app.request('/v1/models?key=secret');
  await post(server, '/v1/completions', { model: 'none', prompt: 'a secret' });
  const fields = server.log.entries.map(({ level, message, fields }) => {
    const { seconds, ...rest } = fields as { seconds: number };
    assert.ok(seconds >= 0 && seconds < 60);
    return { level, message, ...rest };
  });
  assert.deepEqual(fields, [
    { level: 'info', message: 'request', method: 'GET', path: '/v1/models', status: 200 },
    { level: 'info', message: 'request', method: 'POST', path: '/v1/completions', status: 404 },
  ]);
});

test('all APIs and the extras are there', async () => {
  const { app } = served();
  for (const path of ['/', '/api/version', '/api/tags', '/v1/models', '/models', '/health', '/metrics']) {
    assert.equal((await app.request(path)).status, 200, path);
    assert.equal((await app.request(path, { method: 'HEAD' })).status, 200, path);
  }
});

test('an unknown path is 404 in the shape of the API it is nearest to', async () => {
  const { app } = served();
  const response = await app.request('/api/nothing');
  assert.equal(response.status, 404);
  assert.deepEqual(await response.json(), { error: 'there is no GET /api/nothing' });
  assert.equal(typeof ((await (await app.request('/v1/nothing')).json()) as { error: unknown }).error, 'object');
  assert.equal(typeof ((await (await app.request('/nothing')).json()) as { error: unknown }).error, 'object');
  const { type, error } = (await (await app.request('/v1/messages/nothing')).json()) as {
    readonly type: string;
    readonly error: { readonly type: string };
  };
  assert.deepEqual([type, error.type], ['error', 'not_found_error']);
});

test('a slash at the end is the same path', async () => {
  const server = served();
  for (const path of ['/api/version', '/api/tags', '/v1/models', '/v1/models/tiny:q4_1', '/health', '/metrics']) {
    assert.equal((await server.app.request(`${path}/`)).status, 200, path);
  }
  assert.equal((await post(server, '/v1/completions/', { prompt: 'Hi' })).status, 200);
  assert.equal((await post(server, '/api/chat/', {})).status, 200);
  assert.equal((await server.app.request('/api/nothing/')).status, 404);
});

test('another method than a path has is 405, and says which it has', async () => {
  const { app } = served();
  for (const [method, path, allowed] of [
    ['POST', '/', 'GET, HEAD'],
    ['POST', '/api/tags', 'GET, HEAD'],
    ['GET', '/api/chat', 'POST'],
    ['GET', '/api/delete', 'DELETE'],
    ['PUT', '/v1/chat/completions', 'POST'],
    ['DELETE', '/v1/models/tiny', 'GET, HEAD'],
    ['GET', '/tokenize/', 'POST'],
    ['BREW', '/health', 'GET, HEAD'],
  ] as const) {
    const response = await app.request(path, { method });
    assert.equal(response.status, 405, `${method} ${path}`);
    assert.equal(response.headers.get('allow'), allowed);
    const { error } = (await response.json()) as { error: string | { code: string } };
    assert.ok(typeof error === 'string' ? error.includes(allowed) : error.code === 'method_not_allowed');
  }
  const asked = await app.request('/api/chat', { method: 'OPTIONS' });
  assert.deepEqual([asked.status, asked.headers.get('allow')], [204, 'POST']);
  assert.equal((await app.request('/nowhere', { method: 'OPTIONS' })).status, 404);
});

test('what nobody foresaw is logged with its stack, and the client learns only that it happened', async () => {
  const server = served();
  server.backend.failure = new TypeError('x is not a function');
  const response = await post(server, '/tokenize', { content: 'a' });
  assert.equal(response.status, 500);
  const { error } = (await response.json()) as { error: { message: string } };
  assert.equal(error.message, "internal error; the server's log says more");
  const [record] = server.log.entries;
  assert.equal(record?.level, 'error');
  assert.equal(record.message, 'x is not a function');
  const { path, stack } = record.fields as { path: string; stack: string };
  assert.equal(path, '/tokenize');
  assert.match(stack, /app\.test/);
});

test('an error of the engine is told as it is; the operator hears of those that are no client’s doing', async () => {
  const server = served();
  const failing = async (failure: EngineError): Promise<readonly unknown[]> => {
    server.backend.failure = failure;
    const response = await post(server, '/tokenize', { content: 'a' });
    const { error } = (await response.json()) as { error: { message: string } };
    assert.equal(error.message, failure.message);
    return [response.status, server.log.entries.at(-2)?.level];
  };
  const option = new EngineError('BAD_OPTION', { option: 'a', value: 'b', expected: 'c' });
  assert.deepEqual(await failing(option), [400, undefined]);
  assert.deepEqual(await failing(new EngineError('COMPUTE_FAILED', { status: -1 })), [500, 'error']);
});

const chat = JSON.stringify({ model: 'tiny:q4_1', messages: [{ role: 'user', content: 'Hi' }], stream: true });

/** A request whose body comes in pieces and tells no length. */
function asking({ address }: RunningServer): ClientRequest {
  const { host, port } = address;
  const asking = request({ host, port, method: 'POST', path: '/v1/chat/completions' });
  asking.write(chat.slice(0, 10));
  asking.end(chat.slice(10));
  return asking;
}

const responseTo = (request: ClientRequest): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => request.once('response', resolve).once('error', reject));

test('a client that hangs up while it sends its body is no failure of ours', async () => {
  const { app, log } = served();
  const reset = Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
  const body = new ReadableStream({ pull: (controller) => controller.error(reset) });
  const response = await app.request('/api/show', { method: 'POST', body, duplex: 'half' });
  assert.equal(response.status, 499);
  assert.ok(log.entries.every(({ level }) => level === 'info'));
});

test('over a connection, a body in pieces is read and an answer streams', async () => {
  const server = served();
  await using running = await serving(server.app);
  const response = await responseTo(asking(running));
  assert.equal(response.statusCode, 200);
  assert.equal(response.headers['content-type'], 'text/event-stream');
  const text = Buffer.concat(await response.toArray()).toString();
  assert.equal(dataOf(text).length, 6);
});

test('over a connection, a client that hangs up ends its answer', async () => {
  const server = served();
  server.backend.script = { deltas: Array.from({ length: 10_000 }, () => 'la'), pause: 1 };
  await using running = await serving(server.app);
  const request = asking(running);
  const response = await responseTo(request);
  response.once('error', () => {});
  response.once('data', () => request.destroy());
  await server.backend.made(1);
  await server.backend.received.ended;
  assert.ok(server.backend.received.pulled < 10_000);
  assert.deepEqual(
    server.log.entries.filter(({ level }) => level !== 'info'),
    [],
  );
});
