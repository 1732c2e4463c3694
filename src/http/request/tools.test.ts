import assert from 'node:assert/strict';
import test from 'node:test';
import { post, served } from '../../../test/support/served.ts';

interface Endpoint {
  readonly path: string;
  /** Path of the name of the first tool in a body. */
  readonly nameAt: string;
  readonly body: (tools: readonly string[]) => object;
}

const messages = [{ role: 'user', content: 'Hi' }];
const wrapped = (names: readonly string[]): object => ({
  messages,
  tools: names.map((name) => ({ type: 'function', function: { name } })),
});

const endpoints: readonly Endpoint[] = [
  { path: '/api/chat', nameAt: 'tools[0].function.name', body: wrapped },
  { path: '/v1/chat/completions', nameAt: 'tools[0].function.name', body: wrapped },
  {
    path: '/v1/messages',
    nameAt: 'tools[0].name',
    body: (names) => ({ messages, max_tokens: 16, tools: names.map((name) => ({ name, input_schema: {} })) }),
  },
  {
    path: '/v1/responses',
    nameAt: 'tools[0].name',
    body: (names) => ({ input: 'Hi', tools: names.map((name) => ({ type: 'function', name })) }),
  },
];

for (const { path, nameAt, body } of endpoints) {
  test(`${path} refuses names of tools that would break the format of a call, and takes those of any language`, async () => {
    const server = served();
    const asked = (name: string): Promise<Response> => post(server, path, { model: 'tiny:q4_1', ...body([name]) });
    for (const name of [
      '',
      'a"b',
      "a'b",
      'a\\b',
      'a\nb',
      'a b',
      'a\u0000',
      'a<b',
      'a>b',
      'a(',
      'a{',
      '[ARGS]',
      '<|a|>',
      '`',
    ]) {
      const response = await asked(name);
      const text = await response.text();
      assert.equal(response.status, 400, JSON.stringify(name));
      assert.ok(text.includes(nameAt), text);
    }
    for (const name of ['tide', 'get_tide-2', 'mcp.tide', 'server/tide', 'a:b', 'погода', '天気', 'météo', 'می‌شود'])
      assert.equal((await asked(name)).status, 200, name);
  });
}
