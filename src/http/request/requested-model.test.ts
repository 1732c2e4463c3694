import assert from 'node:assert/strict';
import test from 'node:test';
import { FakeBackend, servedModel } from '../../../test/support/fake-backend.ts';
import { post, served } from '../../../test/support/served.ts';
import { requestedModel } from './requested-model.ts';

const hubOf = (...names: readonly string[]): FakeBackend => {
  const backend = new FakeBackend();
  backend.served.splice(0, 1, ...names.map((name) => servedModel({ name })));
  return backend;
};

const load = (backend: FakeBackend, name: string): void => {
  backend.running.push({
    model: servedModel({ name }),
    expires: undefined,
    memory: 1,
    gpuMemory: 0,
    parallel: 1,
    active: 0,
    context: 1,
  });
};

test('where no model is named, it is the only one, or the one that is loaded', () => {
  for (const name of ['', null, undefined]) {
    assert.equal(requestedModel(hubOf('only'), name).name, 'only');
    const backend = hubOf('a', 'b', 'c');
    assert.throws(() => requestedModel(backend, name), {
      status: 400,
      message: 'model is required: there are a, b, c',
    });
    load(backend, 'b');
    assert.equal(requestedModel(backend, name).name, 'b');
    assert.throws(() => requestedModel(hubOf(), name), { status: 404, message: 'there is no model' });
  }
});

test('a model that is named is that one, loaded or not', () => {
  const backend = hubOf('a', 'b');
  load(backend, 'a');
  assert.equal(requestedModel(backend, 'B').name, 'b');
  assert.throws(() => requestedModel(backend, 'c'), {
    status: 404,
    message: "model 'c' not found; the server has a, b",
  });
  assert.throws(() => requestedModel(hubOf(), 'c'), {
    status: 404,
    message: "model 'c' not found; the server has none yet",
  });
  const near = hubOf('llama3.2:1b', 'qwen3:8b');
  assert.throws(
    () => requestedModel(near, 'lama3.2'),
    /^Refusal: model 'lama3\.2' not found; did you mean llama3\.2:1b\?$/,
  );
});

test('of many models some are told', () => {
  const backend = hubOf(...Array.from({ length: 30 }, (_, n) => `m${n}`));
  assert.throws(() => requestedModel(backend, ''), /there are m0, .*m9, …$/);
});

test('every endpoint knows which model is meant', async () => {
  const messages = [{ role: 'user', content: 'Hi' }];
  for (const [path, body] of [
    ['/api/generate', { prompt: 'Hi' }],
    ['/api/generate', {}],
    ['/api/chat', { messages, stream: false }],
    ['/api/chat', { model: null, messages }],
    ['/api/show', {}],
    ['/v1/chat/completions', { messages }],
    ['/v1/completions', { prompt: 'Hi', model: '' }],
    ['/tokenize', { content: 'Hi' }],
    ['/detokenize', { tokens: [72] }],
    ['/apply-template', { messages }],
  ] as const) {
    const server = served();
    const response = await post(server, path, body);
    const text = await response.text();
    assert.equal(response.status, 200, `${path}: ${text}`);
    for (const [, name] of text.matchAll(/"model":"([^"]*)"/g)) assert.equal(name, 'tiny:q4_1');
    const several = served({}, hubOf('a', 'b'));
    assert.equal((await post(several, path, body)).status, 400, path);
  }
});

test('a model is deleted by its name only', async () => {
  const server = served();
  const response = await server.app.request('/api/delete', { method: 'DELETE', body: '{}' });
  assert.equal(response.status, 400);
  assert.deepEqual(await response.json(), { error: 'model is required' });
  assert.equal(server.backend.served.length, 1);
});
