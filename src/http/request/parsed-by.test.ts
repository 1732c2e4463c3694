import assert from 'node:assert/strict';
import test from 'node:test';
import { post, served } from '../../../test/support/served.ts';

test('parts of a request whose type says what they hold are refused in the words of the others', async () => {
  const server = served();
  const user = { role: 'user', content: 'Hi' };
  for (const [path, body, message] of [
    [
      '/v1/messages',
      { messages: [{ ...user, content: [{ type: 'text', text: 5 }] }] },
      /\.text: expected a string, not 5/,
    ],
    ['/v1/responses', { input: [{ type: 'function_call_output', call_id: 5 }] }, /\.call_id: expected a string, not 5/],
    ['/v1/responses', { input: 'Hi', tools: [{ type: 'function', name: 5 }] }, /\.name: expected a string, not 5/],
  ] as const) {
    const response = await post(server, path, body);
    assert.equal(response.status, 400, path);
    assert.match(await response.text(), message, path);
  }
});
