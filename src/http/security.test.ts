import assert from 'node:assert/strict';
import test from 'node:test';
import { type Served, served } from '../../test/support/served.ts';

const get = async ({ app }: Served, path: string, headers: Record<string, string>): Promise<Response> =>
  app.request(path, { headers });

test('without the key nothing but / and /health answers, and each API says so in its own shape', async () => {
  const server = served({ apiKey: 'secret' });
  const message = 'an API key is needed: Authorization: Bearer KEY';
  const error = { message, type: 'authentication_error', param: null, code: 'invalid_api_key' };
  for (const [path, shape] of [
    ['/v1/models', { error }],
    ['/metrics', { error }],
    ['/health/more', { error }],
    ['/nowhere', { error }],
    ['/api/tags', { error: message }],
    ['/v1/messages', { type: 'error', error: { type: 'authentication_error', message } }],
  ] as const) {
    const response = await get(server, path, {});
    assert.equal(response.status, 401);
    assert.deepEqual(await response.json(), shape, path);
  }
  for (const path of ['/', '/health', '/health/']) {
    assert.equal((await get(server, path, {})).status, 200);
    assert.equal((await server.app.request(path, { method: 'HEAD' })).status, 200);
  }
});

test('the key is taken as a bearer token and as x-api-key', async () => {
  const server = served({ apiKey: 'secret' });
  for (const [name, value, status] of [
    ['authorization', 'Bearer secret', 200],
    ['authorization', 'bearer  secret', 200],
    ['x-api-key', 'secret', 200],
    ['authorization', 'secret', 401],
    ['authorization', 'Bearer Secret', 401],
    ['authorization', 'Bearer secret2', 401],
    ['authorization', 'Bearer ', 401],
    ['authorization', 'Basic secret', 401],
    ['x-api-key', '', 401],
  ] as const) {
    assert.equal((await get(server, '/v1/models', { [name]: value })).status, status, `${name}: ${value}`);
  }
  assert.equal((await get(served({ apiKey: '' }), '/v1/models', { 'x-api-key': '' })).status, 401);
  const both = { authorization: 'Bearer ollama', 'x-api-key': 'secret' };
  assert.equal((await get(server, '/v1/models', both)).status, 200);
});

test("this machine's pages, apps and extensions may ask from the browser", async () => {
  for (const origin of [
    'http://localhost',
    'http://localhost:3000',
    'https://127.0.0.1:8443',
    'http://[::1]:5173',
    'http://0.0.0.0:8080',
    'app://obsidian.md',
    'file://',
    'tauri://localhost',
    'vscode-webview://1a2b',
    'vscode-file://vscode-app',
    'chrome-extension://abc',
    'moz-extension://abc',
    'safari-web-extension://abc',
  ]) {
    const response = await get(served(), '/v1/models', { origin });
    assert.equal(response.status, 200, origin);
    assert.equal(response.headers.get('access-control-allow-origin'), origin);
    assert.equal(response.headers.get('vary'), 'Origin');
  }
});

test('other pages get 403 and may read nothing', async () => {
  for (const origin of [
    'https://example.com',
    'http://localhost.example.com',
    'http://localhost:80.example.com',
    'http://127.0.0.1.nip.io',
    'https://example.com?http://localhost',
    'null',
  ]) {
    for (const method of ['GET', 'OPTIONS']) {
      const response = await served().app.request('/v1/models', { method, headers: { origin } });
      assert.equal(response.status, 403, origin);
      assert.equal(response.headers.get('access-control-allow-origin'), null);
      assert.equal(await response.text(), '');
    }
  }
});

test('more pages may be allowed, with * for anything', async () => {
  const status = async (origins: readonly string[], origin: string): Promise<number> =>
    (await get(served({ origins }), '/v1/models', { origin })).status;
  const origins = ['https://chat.example.com', 'https://*.example.org'];
  assert.equal(await status(origins, 'https://chat.example.com'), 200);
  assert.equal(await status(origins, 'https://a.b.example.org'), 200);
  assert.equal(await status(origins, 'http://chat.example.com'), 403);
  assert.equal(await status(origins, 'https://chatxexample.com'), 403);
  assert.equal(await status(origins, 'https://a.example.org.evil.net'), 403);
  assert.equal(await status(['*'], 'https://anything.net'), 200);
});

test("pages that came from the server's own address are no strangers", async () => {
  const server = served();
  const headers = { origin: 'https://llm.example.com', host: 'llm.example.com' };
  assert.equal((await get(server, '/v1/models', headers)).status, 200);
  assert.equal((await get(server, '/v1/models', { ...headers, host: 'other.example.com' })).status, 403);
});

test("a preflight allows what OpenAI's clients send, and needs no key", async () => {
  const server = served({ apiKey: 'secret' });
  const response = await server.app.request('/v1/chat/completions', {
    method: 'OPTIONS',
    headers: {
      origin: 'http://localhost:3000',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,x-stainless-os, x-stainless-retry-count,openai-beta,x-evil',
    },
  });
  assert.equal(response.status, 204);
  assert.equal(response.headers.get('access-control-allow-methods'), 'GET,POST,PUT,PATCH,DELETE,HEAD,OPTIONS');
  assert.equal(
    response.headers.get('access-control-allow-headers'),
    'authorization,content-type,user-agent,accept,x-requested-with,x-api-key,' +
      'x-stainless-os,x-stainless-retry-count,openai-beta',
  );
  assert.equal(response.headers.get('access-control-max-age'), '43200');
});

test('refusals can be read by the pages that may ask', async () => {
  const server = served({ apiKey: 'secret' });
  const origin = 'http://localhost:3000';
  const response = await get(server, '/v1/models', { origin });
  assert.equal(response.status, 401);
  assert.equal(response.headers.get('access-control-allow-origin'), origin);
  const streamed = await served().app.request('/v1/chat/completions', {
    method: 'POST',
    headers: { origin },
    body: JSON.stringify({ model: 'tiny:q4_1', messages: [{ role: 'user', content: 'Hi' }], stream: true }),
  });
  assert.equal(streamed.headers.get('access-control-allow-origin'), origin);
  assert.match(await streamed.text(), /Hello/);
});

test('on a loopback address only local hosts are served', async () => {
  const server = served({ loopback: true, hostname: 'Workstation' });
  for (const [host, status] of [
    ['localhost', 200],
    ['localhost:11434', 200],
    ['LOCALHOST.', 200],
    ['llm.localhost:80', 200],
    ['nas.local', 200],
    ['host.docker.internal:11434', 200],
    ['127.0.0.1:11434', 200],
    ['127.8.9.1', 200],
    ['[::1]:11434', 200],
    ['[::ffff:127.0.0.1]', 200],
    ['0.0.0.0', 200],
    ['192.168.1.5:11434', 200],
    ['10.0.0.1', 200],
    ['172.31.0.1', 200],
    ['[fd00::1]', 200],
    ['workstation', 200],
    ['example.com', 403],
    ['localhost.example.com', 403],
    ['localhost:80@example.com', 403],
    ['evil-localhost', 403],
    ['127.0.0.1.nip.io', 403],
    ['172.32.0.1', 403],
    ['8.8.8.8', 403],
    ['[2001:db8::1]', 403],
  ] as const) {
    const response = await get(server, '/', { host });
    assert.equal(response.status, status, host);
    if (status === 403) assert.equal(await response.text(), '');
  }
  assert.equal((await get(served(), '/', { host: 'example.com' })).status, 200);
});
