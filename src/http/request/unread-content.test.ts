import assert from 'node:assert/strict';
import test from 'node:test';
import { post, served } from '../../../test/support/served.ts';

test('images are refused where they stand, results of tools included, with the reason', async () => {
  const data = { type: 'base64', media_type: 'image/png', data: 'AA==' };
  const call = { role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'look', input: {} }] };
  const called = { role: 'assistant', tool_calls: [{ id: 'a', function: { name: 'look', arguments: '{}' } }] };
  const user = { role: 'user', content: 'Look.' };
  const image = { type: 'image_url', image_url: { url: 'data:' } };
  for (const [path, body, place] of [
    [
      '/v1/messages',
      {
        messages: [
          user,
          call,
          {
            role: 'user',
            content: [
              {
                type: 'tool_result',
                tool_use_id: 'a',
                content: [
                  { type: 'text', text: 'x' },
                  { type: 'image', source: data },
                ],
              },
            ],
          },
        ],
      },
      'messages[2].content[0].content[1].type',
    ],
    [
      '/v1/messages',
      { messages: [{ role: 'user', content: [{ type: 'image', source: data }] }] },
      'messages[0].content[0].type',
    ],
    [
      '/v1/chat/completions',
      { messages: [user, called, { role: 'tool', tool_call_id: 'a', content: [image] }] },
      'messages[2].content[0].type',
    ],
    ['/v1/chat/completions', { messages: [{ role: 'user', content: [image] }] }, 'messages[0].content[0].type'],
    [
      '/v1/responses',
      {
        input: [{ type: 'function_call_output', call_id: 'a', output: [{ type: 'input_image', image_url: 'data:' }] }],
      },
      'input[0].output[0].type',
    ],
  ] as const) {
    const response = await post(served(), path, { max_tokens: 5, ...body });
    const { error } = (await response.json()) as { error: { message: string } };
    assert.equal(response.status, 400, path);
    assert.ok(error.message.startsWith(`${place}: image input is not supported`), error.message);
  }
});
