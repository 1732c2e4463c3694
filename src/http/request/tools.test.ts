import assert from 'node:assert/strict';
import test from 'node:test';
import { post, served } from '../../../test/support/served.ts';
import { callFormats } from '../../chat/tools/call-formats.ts';
import { toolName } from './tools.ts';

interface Endpoint {
  readonly path: string;
  /** Path of the name of the first tool in a body. */
  readonly nameAt: string;
  readonly body: (tools: readonly string[]) => object;
  /** Choices of any tool, and of the tool "ebb". */
  readonly any: unknown;
  readonly ebb: unknown;
}

const messages = [{ role: 'user', content: 'Hi' }];
const wrapped = (names: readonly string[]): object => ({
  messages,
  tools: names.map((name) => ({ type: 'function', function: { name } })),
});

const openAiChoices = { any: 'required', ebb: { type: 'function', function: { name: 'ebb' } } };

const endpoints: readonly Endpoint[] = [
  { path: '/api/chat', nameAt: 'tools[0].function.name', body: wrapped, ...openAiChoices },
  { path: '/v1/chat/completions', nameAt: 'tools[0].function.name', body: wrapped, ...openAiChoices },
  {
    path: '/v1/messages',
    nameAt: 'tools[0].name',
    body: (names) => ({ messages, max_tokens: 16, tools: names.map((name) => ({ name, input_schema: {} })) }),
    any: { type: 'any' },
    ebb: { type: 'tool', name: 'ebb' },
  },
  {
    path: '/v1/responses',
    nameAt: 'tools[0].name',
    body: (names) => ({ input: 'Hi', tools: names.map((name) => ({ type: 'function', name })) }),
    any: 'required',
    ebb: { type: 'function', name: 'ebb' },
  },
];

for (const { path, nameAt, body, any, ebb } of endpoints) {
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

  test(`${path} refuses the choice of a tool that is not there`, async () => {
    const server = served();
    const asked = (tools: readonly string[], tool_choice: unknown): Promise<Response> =>
      post(server, path, { model: 'tiny:q4_1', ...body(tools), tool_choice });
    for (const [tools, choice] of [
      [[], any],
      [[], ebb],
      [['tide'], ebb],
    ] as const) {
      const response = await asked(tools, choice);
      assert.equal(response.status, 400);
      assert.match(await response.text(), /tool_choice/);
    }
    for (const choice of [any, ebb]) assert.equal((await asked(['tide', 'ebb'], choice)).status, 200);
  });
}

test('tools that nobody runs here are none to choose from, nor are others than those of the request allowed', async () => {
  const server = served();
  const named = (name: string): object => ({ type: 'function', name });
  const allowed = (...names: readonly string[]): object => ({
    type: 'allowed_tools',
    mode: 'auto',
    tools: names.map(named),
  });
  for (const [tools, tool_choice, status] of [
    [[{ type: 'web_search' }], 'required', 400],
    [[{ type: 'web_search' }], 'auto', 200],
    [[named('tide')], allowed('tide', 'ebb'), 400],
    [[named('tide')], allowed('tide'), 200],
    [[named('tide')], { ...allowed(), mode: 'required' }, 400],
  ] as const) {
    const response = await post(server, '/v1/responses', { model: 'tiny:q4_1', input: 'Hi', tools, tool_choice });
    assert.equal(response.status, status, JSON.stringify([tools, tool_choice]));
  }
});

test('no name of a tool has a text by which a format of calls ends names', () => {
  const ends = callFormats.flatMap(({ syntax }) => ('nameEnds' in syntax ? syntax.nameEnds : []));
  assert.ok(ends.length > 0);
  for (const end of ends) assert.equal(toolName.safeParse(`a${end}b`).success, false, end);
});
