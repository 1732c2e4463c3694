import assert from 'node:assert/strict';
import test from 'node:test';
import { deferred } from '../../../test/support/deferred.ts';
import { dataOf, post, readBody, served } from '../../../test/support/served.ts';
import { EngineError } from '../../base/errors.ts';
import { openaiRoutes } from './routes.ts';

const path = '/v1/chat/completions';
const hi = { model: 'tiny:q4_1', messages: [{ role: 'user', content: 'Hi' }] };

test('what goes wrong before the first byte has a status; OpenAI clients do not repeat what would fail again', async () => {
  const refused = async (refusal: Error): Promise<readonly [Response, object]> => {
    const server = served();
    server.backend.script = { deltas: [], refusal };
    const response = await post(server, path, { ...hi, stream: true });
    return [response, ((await response.json()) as { error: object }).error];
  };
  const [long, tooLong] = await refused(new EngineError('CONTEXT_TOO_LONG', { prompt: 5000, context: 2048 }));
  assert.equal(long.status, 400);
  assert.deepEqual(tooLong, {
    message: new EngineError('CONTEXT_TOO_LONG', { prompt: 5000, context: 2048 }).clientMessage,
    type: 'invalid_request_error',
    param: null,
    code: 'context_length_exceeded',
    n_prompt_tokens: 5000,
    n_ctx: 2048,
  });
  assert.match(JSON.stringify(tooLong), /5000.*2048/);

  const [full, busy] = await refused(new EngineError('SERVER_BUSY', { waiting: 512 }));
  assert.equal(full.status, 503);
  assert.equal(full.headers.get('x-should-retry'), null);
  assert.deepEqual({ ...busy, message: '' }, { message: '', type: 'api_error', param: null, code: 'server_busy' });

  const [broken, unexpected] = await refused(new TypeError('x is not a function'));
  assert.equal(broken.status, 500);
  assert.equal(broken.headers.get('x-should-retry'), 'false');
  assert.ok(!JSON.stringify(unexpected).includes('x is not'));

  const bad = new EngineError('BAD_OPTION', { option: 'logit_bias', value: '99', expected: 'a token' });
  const [, option] = await refused(bad);
  assert.deepEqual(option, {
    message: bad.message,
    type: 'invalid_request_error',
    param: 'logit_bias',
    code: 'bad_option',
  });
});

test('what goes wrong later ends the stream with an error instead of [DONE]', async () => {
  const server = served();
  const failure = new EngineError('ENGINE_DIED', { model: 'tiny:q4_1', reason: 'SIGKILL' });
  server.backend.script = { deltas: ['a'], failure };
  const error = { message: failure.message, type: 'api_error', param: null, code: 'engine_died' };
  const data = dataOf(await (await post(server, path, { ...hi, stream: true })).text());
  assert.deepEqual(JSON.parse(data.at(-1) ?? ''), { error });
  assert.equal(data.length, 3);
  assert.equal(server.log.entries.filter(({ level }) => level === 'error').length, 1);
});

test('what goes wrong before the model has begun has a status, in one piece or streamed', async () => {
  const failure = new EngineError('ENGINE_DIED', { model: 'tiny:q4_1', reason: 'SIGKILL' });
  for (const [stream, deltas] of [
    [true, []],
    [true, ['']],
    [false, ['Hello']],
  ] as const) {
    const server = served();
    server.backend.script = { deltas, pause: 1, failure };
    const response = await post(server, path, { ...hi, stream });
    assert.equal(response.status, 500);
    assert.equal(((await response.json()) as { error: { code: string } }).error.code, 'engine_died');
  }
});

test('the first of several answers to fail ends the others', async () => {
  const server = served();
  const failure = new EngineError('ENGINE_DIED', { model: 'tiny:q4_1', reason: 'SIGKILL' });
  server.backend.script = ({ sampling }) =>
    sampling.seed === 2 ? { deltas: ['la'], failure } : { deltas: endless(), pause: 1 };
  const data = dataOf(await (await post(server, path, { ...hi, n: 3, seed: 1, stream: true })).text());
  assert.match(data.at(-1) ?? '', /engine_died/);
  assert.ok(server.backend.requests.every(({ over, signal }) => over && signal.aborted));
});

test('if one of several answers finds no place, the others give up theirs', async () => {
  const server = served();
  const refusal = new EngineError('SERVER_BUSY', { waiting: 1 });
  server.backend.script = ({ sampling }) => (sampling.seed === 2 ? { deltas: [], refusal } : { deltas: endless() });
  assert.equal((await post(server, path, { ...hi, n: 2, seed: 1 })).status, 503);
  assert.ok(server.backend.requests.every(({ signal }) => signal.aborted));
});

function* endless(): Generator<string> {
  for (;;) yield 'la';
}

test('a client that goes away ends all its answers', async () => {
  const server = served();
  server.backend.script = { deltas: endless(), pause: 1 };
  const { body } = await post(server, path, { ...hi, n: 2, stream: true });
  const reader = body?.getReader();
  for (let chunks = 0; chunks < 4; chunks += 1) await reader?.read();
  await reader?.cancel();
  await Promise.all(server.backend.requests.map(({ ended }) => ended));
  assert.ok(server.backend.requests.every(({ signal }) => signal.aborted));

  const client = new AbortController();
  const left = post(server, path, { ...hi, stream: false }, { signal: client.signal });
  await server.backend.made(3);
  client.abort();
  assert.equal((await left).status, 499);
  await server.backend.received.ended;
  assert.equal(server.log.entries.filter(({ level }) => level !== 'info').length, 0);
});

test('a client that goes away before its answers have a place is not told anything', async () => {
  const server = served();
  server.backend.script = { deltas: [], wait: 10_000 };
  const client = new AbortController();
  const response = post(server, path, hi, { signal: client.signal });
  await server.backend.made(1);
  client.abort();
  assert.equal((await response).status, 499);
  assert.equal(server.log.entries.filter(({ level }) => level !== 'info').length, 0);
});

test('while the model thinks, the connection is kept alive', async () => {
  const server = served();
  const app = openaiRoutes(server.backend, server.log, { firstByte: 5, interval: 5 });
  const ask = async (stream: boolean): Promise<string> => {
    const { promise: kept, resolve } = deferred();
    server.backend.script = { deltas: ['at last'], pause: kept };
    return readBody(await post({ ...server, app }, '/chat/completions', { ...hi, stream }), resolve);
  };
  assert.match(await ask(true), /^(?:: ping\n\n)+data: .*assistant.*\n\ndata: .*at last/);
  const whole = await ask(false);
  assert.match(whole, /^ +\{/);
  assert.ok(JSON.parse(whole));
});

test('an answer that would be held as a whole is refused where it takes too much, and streamed all the same', async () => {
  const server = served();
  const top = Array.from({ length: 20 }, (_, token) => ({ token, text: 'x', bytes: [120], logprob: -1 }));
  const logprobs = [{ token: 1, text: 'x', bytes: [120], logprob: -1, top }];
  server.backend.script = { deltas: Array.from({ length: 7000 }, () => ({ text: 'x', logprobs })) };
  const whole = await server.app.request(path, { method: 'POST', body: JSON.stringify({ ...hi, logprobs: true }) });
  assert.equal(whole.status, 503);
  assert.match(await whole.text(), /server_busy/);
  const body = JSON.stringify({ ...hi, logprobs: true, stream: true });
  assert.match(await (await server.app.request(path, { method: 'POST', body })).text(), /\[DONE\]/);
});
