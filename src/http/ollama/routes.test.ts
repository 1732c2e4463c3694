import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { deferred } from '../../../test/support/deferred.ts';
import { FakeBackend, FakeLog } from '../../../test/support/fake-backend.ts';
import { readBody } from '../../../test/support/served.ts';
import { EngineError } from '../../base/errors.ts';
import type { StreamTimeouts } from '../streaming.ts';
import { ollamaRoutes } from './routes.ts';

const answering = [
  ['/api/generate', { model: 'tiny:q4_1', prompt: 'Hi' }],
  ['/api/chat', { model: 'tiny:q4_1', messages: [{ role: 'user', content: 'Hi' }] }],
] as const;

interface Sent {
  readonly backend?: FakeBackend;
  readonly log?: FakeLog;
  readonly method?: string;
  readonly body?: unknown;
  readonly timeouts?: StreamTimeouts;
  readonly signal?: AbortSignal;
}

/** A body that is no string is sent as JSON. */
async function send(path: string, sent: Sent = {}): Promise<Response> {
  const { backend = new FakeBackend(), log = new FakeLog(), body, method = 'POST', timeouts, signal } = sent;
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  const init = { method, ...(text === undefined ? {} : { body: text }), ...(signal && { signal }) };
  return ollamaRoutes(backend, log, { timeouts }).request(path, init);
}

const errorOf = async (response: Response): Promise<string> => ((await response.json()) as { error: string }).error;

const refusing = (refusal: Error): FakeBackend => {
  const backend = new FakeBackend();
  backend.script = { deltas: [], refusal };
  return backend;
};

test('it says that it runs, and is new enough for every client', async () => {
  assert.equal(await (await send('/', { method: 'GET' })).text(), 'Ollama is running');
  assert.deepEqual(await (await send('/api/version', { method: 'GET' })).json(), { version: '0.32.9' });
});

test('HEAD is answered like GET, without a body', async () => {
  for (const path of ['/', '/api/version', '/api/tags']) {
    const response = await send(path, { method: 'HEAD' });
    assert.equal(response.status, 200);
    assert.equal(await response.text(), '');
  }
});

test('what is not supported yet says so', async () => {
  const response = await send('/api/push', { body: { model: 'tiny:q4_1' } });
  assert.equal(response.status, 501);
  assert.equal(await errorOf(response), '/api/push is not supported yet');
});

const bodied = [
  ...answering.map(([path]) => ['POST', path] as const),
  ['POST', '/api/show'],
  ['DELETE', '/api/delete'],
] as const;

test('a body that is missing or no JSON is refused', async () => {
  for (const [method, path] of bodied) {
    for (const body of [undefined, '', ' \n']) {
      const response = await send(path, { method, body });
      assert.equal(response.status, 400);
      assert.equal(await errorOf(response), 'missing request body');
    }
    for (const body of ['{', 'model=tiny', '[', '{"model":"tiny:q4_1"}x']) {
      const response = await send(path, { method, body });
      assert.equal(response.status, 400);
      assert.match(await errorOf(response), /JSON/);
    }
    for (const body of ['[]', '5', 'null', '"tiny"']) {
      const response = await send(path, { method, body });
      assert.equal(response.status, 400);
      assert.match(await errorOf(response), /^expected an object, not (an array of 0|5|null|"tiny")$/);
    }
  }
});

test('an unknown model is not found', async () => {
  for (const [method, path] of bodied) {
    const response = await send(path, { method, body: { model: '../X', prompt: 'Hi' } });
    assert.equal(response.status, 404);
    assert.equal(await errorOf(response), "model '../X' not found; the server has tiny:q4_1");
  }
});

test('a field of a wrong type is refused by its name', async () => {
  for (const [field, value, said] of [
    ['model', 5, /^model: .*string/],
    ['stream', 'yes', /^stream: expected true or false, not "yes"$/],
    ['options', 'fast', /^options: .*object/],
    ['options', { temperature: 'hot' }, /^options\.temperature: .*number/],
    ['options', { stop: 4 }, /^options\.stop: expected a string or an array of strings/],
    ['options', { stop: Array(65).fill('x') }, /^options\.stop: expected at most 64 strings, not an array of 65$/],
    ['options', { stop: ['x', 'y'.repeat(4097)] }, /^options\.stop: a text is longer than 4096 characters$/],
    ['keep_alive', 'soon', /^keep_alive: expected .*"5m"/],
    ['keep_alive', true, /^keep_alive: expected .*"5m"/],
    ['top_logprobs', 21, /^top_logprobs: expected at most 20, not 21$/],
    ['logprobs', 5, /^logprobs: expected true or false, not 5$/],
    ['truncate', 'no', /^truncate: expected true or false, not "no"$/],
  ] as const) {
    for (const [path, body] of answering) {
      const backend = new FakeBackend();
      const response = await send(path, { backend, body: { ...body, [field]: value } });
      assert.equal(response.status, 400);
      assert.match(await errorOf(response), said);
      assert.deepEqual(backend.requests, []);
    }
  }
  for (const [path, body, said] of [
    ['/api/generate', { prompt: 5 }, /^prompt: .*string/],
    [
      '/api/generate',
      { prompt: 'Hi', context: [1.5] },
      /^context\[0\]: expected a token: a whole number from 0 on, not 1.5$/,
    ],
    ['/api/generate', { prompt: 'Hi', context: 'before' }, /^context: .*array/],
    ['/api/generate', { prompt: 'Hi', images: 'aGk=' }, /^images: .*array/],
    ['/api/chat', { messages: 'Hi' }, /^messages: .*array/],
    ['/api/chat', { messages: [{ role: 'user', content: [{}] }] }, /^messages\[0\]\.content: .*string/],
    ['/api/chat', { messages: [{ role: 'user' }, { role: 5 }] }, /^messages\[1\]\.role: .*string/],
  ] as const) {
    const response = await send(path, { body: { model: 'tiny:q4_1', ...body } });
    assert.equal(response.status, 400);
    assert.match(await errorOf(response), said);
  }
});

test('a prompt that is too long is refused with both numbers, before anything is sent', async () => {
  for (const stream of [true, false]) {
    for (const [path, body] of answering) {
      const backend = refusing(new EngineError('CONTEXT_TOO_LONG', { prompt: 5000, context: 4096 }));
      const response = await send(path, { backend, body: { ...body, stream } });
      assert.equal(response.status, 400);
      assert.match(await errorOf(response), /5000.*4096/);
    }
  }
});

test('what the engine does not accept is the fault of the request', async () => {
  for (const refusal of [
    new EngineError('BAD_OPTION', { option: 'topP', value: '3', expected: 'a number from 0 to 1' }),
    new EngineError('TEMPLATE_FAILED', { reason: 'roles must alternate' }),
    new EngineError('CONTEXT_BEYOND_MODEL', { context: 9000, trained: 2048 }),
  ]) {
    const response = await send('/api/chat', { backend: refusing(refusal), body: answering[1][1] });
    assert.equal(response.status, 400);
    assert.equal(await errorOf(response), refusal.clientMessage);
  }
});

test('a full queue says it in the words that clients know', async () => {
  const response = await send('/api/chat', {
    backend: refusing(new EngineError('SERVER_BUSY', { waiting: 512 })),
    body: answering[1][1],
  });
  assert.equal(response.status, 503);
  assert.equal(await errorOf(response), 'server busy, please try again.  maximum pending requests exceeded');
});

test('an engine that dies is a failure that is logged', async () => {
  const log = new FakeLog();
  const died = new EngineError('ENGINE_DIED', { model: 'tiny', reason: 'SIGKILL' });
  const response = await send('/api/generate', { backend: refusing(died), log, body: answering[0][1] });
  assert.equal(response.status, 500);
  assert.match(await errorOf(response), /tiny.*SIGKILL/);
  assert.deepEqual(
    log.entries.map(({ level }) => level),
    ['error'],
  );
});

test('a model that cannot be loaded or unloaded says why', async () => {
  for (const [keep_alive, path] of [
    [undefined, '/api/generate'],
    [0, '/api/generate'],
    [undefined, '/api/chat'],
  ] as const) {
    const backend = new FakeBackend();
    backend.failure = new EngineError('BUDGET_TOO_SMALL', { budget: 2 ** 20, needed: 2 ** 30, parts: {} });
    const response = await send(path, { backend, body: { model: 'tiny:q4_1', keep_alive } });
    assert.equal(response.status, 500);
    assert.match(await errorOf(response), /1024 MiB/);
  }
});

test('an error that is not meant for users stays in the log', async () => {
  const log = new FakeLog();
  const response = await send('/api/chat', { backend: refusing(new Error('a secret')), log, body: answering[1][1] });
  assert.equal(response.status, 500);
  assert.match(await errorOf(response), /^internal error/);
  assert.match(JSON.stringify(log.entries), /a secret/);
});

test('an error after the first byte is a line of its own', async () => {
  for (const [path, body] of answering) {
    const backend = new FakeBackend();
    const log = new FakeLog();
    const failure = new EngineError('ENGINE_DIED', { model: 'tiny', reason: 'SIGKILL' });
    backend.script = { deltas: ['Hello'], failure };
    const response = await send(path, { backend, log, body });
    assert.equal(response.status, 200);
    const lines = (await response.text()).split('\n');
    assert.equal(lines.length, 3);
    assert.deepEqual(JSON.parse(lines[1] ?? ''), { error: failure.message });
    assert.equal(log.entries.length, 1);
  }
});

test('an error before the first byte has its status, in one piece or streamed', async () => {
  for (const [path, body] of answering) {
    for (const [stream, deltas] of [
      [true, []],
      [true, ['']],
      [false, ['Hello']],
    ] as const) {
      const backend = new FakeBackend();
      const failure = new EngineError('ENGINE_DIED', { model: 'tiny', reason: 'SIGKILL' });
      backend.script = { deltas, pause: 1, failure };
      const response = await send(path, { backend, body: { ...body, stream } });
      assert.equal(response.status, 500);
      assert.match(await errorOf(response), /ended unexpectedly/);
    }
  }
});

test('an answer that is slow to begin is kept alive by spaces, which JSON allows', async () => {
  for (const stream of [true, false]) {
    for (const [path, body] of answering) {
      const backend = new FakeBackend();
      const { promise: kept, resolve } = deferred();
      backend.script = { deltas: ['Hello'], pause: kept };
      const timeouts = { firstByte: 10, interval: 10 };
      const text = await readBody(await send(path, { backend, body: { ...body, stream }, timeouts }), resolve);
      assert.match(text, /^ +\{/);
      for (const line of text.trimEnd().split('\n')) assert.ok(JSON.parse(line));
    }
  }
});

test('a client that leaves while the model has not begun ends the answer', async () => {
  for (const stream of [true, false]) {
    const backend = new FakeBackend();
    backend.script = { deltas: ['Hello'], pause: 1_000_000 };
    const body = { ...answering[0][1], stream };
    const response = await send('/api/generate', { backend, body, timeouts: { firstByte: 1 } });
    assert.equal(response.status, 200);
    await response.body?.cancel();
    assert.equal(backend.received.signal.aborted, true);
  }
});

function* endless(): Generator<string> {
  for (;;) yield 'more ';
}

test('a client that reads nothing stops the answer, one that goes away ends it', async () => {
  for (const [path, body] of answering) {
    const backend = new FakeBackend();
    backend.script = { deltas: endless() };
    const response = await send(path, { backend, body });
    const reader = response.body?.getReader();
    await reader?.read();
    await sleep(10);
    assert.ok(backend.received.pulled <= 2, `${backend.received.pulled}`);
    assert.equal(backend.received.signal.aborted, false);
    await reader?.cancel();
    assert.equal(backend.received.signal.aborted, true);
    await backend.received.ended;
  }
});

test('a client that goes away before there is an answer is not waited for', async () => {
  const backend = new FakeBackend();
  const log = new FakeLog();
  backend.script = { deltas: [], wait: 1_000_000 };
  const client = new AbortController();
  const response = send('/api/chat', { backend, log, body: answering[1][1], signal: client.signal });
  await backend.made(1);
  client.abort();
  assert.equal((await response).status, 499);
  assert.equal(backend.received.signal.aborted, true);
  assert.deepEqual(log.entries, []);
});
