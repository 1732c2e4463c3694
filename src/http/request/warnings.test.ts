import assert from 'node:assert/strict';
import test from 'node:test';
import { FakeBackend, servedModel } from '../../../test/support/fake-backend.ts';
import { post, served } from '../../../test/support/served.ts';

test('each API tells its client for what reason a model sees a prompt otherwise; the log has that already', async () => {
  const backend = new FakeBackend();
  backend.script = { deltas: ['Hi'], warnings: ['the template leaves out messages of the role "näme"'] };
  const server = served({}, backend);
  const messages = [{ role: 'user', content: 'Hi' }];
  for (const [path, body] of [
    ['/api/chat', { messages }],
    ['/api/generate', { prompt: 'Hi', stream: false }],
    ['/v1/chat/completions', { messages, n: 2 }],
    ['/v1/chat/completions', { messages, stream: true }],
    ['/v1/responses', { input: 'Hi' }],
    ['/v1/messages', { messages, max_tokens: 9, stream: true }],
  ] as const) {
    const response = await post(server, path, body);
    const header = `299 ssd-llm "the template leaves out messages of the role 'n?me'"`;
    assert.deepEqual([path, response.status, response.headers.get('warning')], [path, 200, header]);
    await response.body?.cancel();
  }
  assert.ok(server.log.entries.every(({ level }) => level !== 'warn'));
});

test('thoughts that a model does not have are an error where clients know one, elsewhere a warning', async () => {
  const messages = [{ role: 'user', content: 'Hi' }];
  for (const [path, body] of [
    ['/v1/chat/completions', { messages, reasoning_effort: 'high' }],
    ['/v1/chat/completions', { messages, reasoning_budget_tokens: 100 }],
    ['/v1/responses', { input: 'Hi', reasoning: { effort: 'low' } }],
    ['/v1/messages', { messages, max_tokens: 2000, thinking: { type: 'enabled', budget_tokens: 1024 } }],
  ] as const) {
    for (const thinks of [false, true]) {
      const response = await post(served({}, new FakeBackend(servedModel({ thinks }))), path, body);
      await response.body?.cancel();
      const warned = /does not think/.test(`${response.headers.get('warning')}`);
      assert.deepEqual([path, response.status, warned], [path, 200, !thinks]);
    }
  }
  assert.equal((await post(served(), '/api/chat', { messages, think: true })).status, 400);
  const plain = await post(served(), '/v1/chat/completions', { messages, reasoning_effort: 'none' });
  assert.equal(plain.headers.get('warning'), null);
});

test('whether there are thoughts says the template in force: the one that a request brings, or that for tools', async () => {
  const messages = [{ role: 'user', content: 'Hi' }];
  const [thinking, plain] = ['{{ .Prompt }}<think>{{ .Response }}</think>', '{{ .Prompt }}'];
  for (const [path, body] of [
    ['/api/chat', { messages }],
    ['/api/generate', { prompt: 'Hi' }],
  ] as const) {
    for (const [template, thinks, status] of [
      [thinking, false, 200],
      [plain, true, 400],
      ['', true, 200],
    ] as const) {
      const server = served({}, new FakeBackend(servedModel({ thinks })));
      const response = await post(server, path, { ...body, template, think: true });
      await response.body?.cancel();
      assert.deepEqual([path, template, response.status], [path, template, status]);
    }
  }
  const tools = [{ type: 'function', function: { name: 'add' } }];
  const model = servedModel({ thinks: true, toolTemplate: plain });
  for (const [body, idle] of [
    [{ messages }, false],
    [{ messages, tools }, true],
  ] as const) {
    const server = served({}, new FakeBackend(model));
    const response = await post(server, '/v1/chat/completions', { ...body, reasoning_effort: 'high' });
    assert.equal(/does not think/.test(`${response.headers.get('warning')}`), idle);
  }
});
