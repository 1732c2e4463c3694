import assert from 'node:assert/strict';
import test from 'node:test';
import { post, served } from '../../../test/support/served.ts';

const path = '/v1/responses';
const hi = { model: 'tiny:q4_1', input: 'Hi' };

test('wishes that cannot be fulfilled are refused by name', async () => {
  const server = served();
  for (const [body, param] of [
    [{ previous_response_id: 'resp_1' }, 'previous_response_id'],
    [{ conversation: 'conv_1' }, 'conversation'],
    [{ background: true }, 'background'],
    [{ input: [{ role: 'user', content: [{ type: 'input_image' }] }] }, 'input[0].content[0].type'],
    [{ input: [{ type: 'item_reference', id: 'x' }] }, 'input[0].type'],
    [{ input: undefined }, 'input'],
    [{ max_output_tokens: 0 }, 'max_output_tokens'],
  ] as const) {
    const response = await post(server, path, { ...hi, ...body });
    assert.equal(response.status, 400, param);
    assert.equal(((await response.json()) as { error: { param: string } }).error.param, param);
  }
  assert.equal((await post(server, path, { ...hi, previous_response_id: null, background: false })).status, 200);
});

test('a format of the text reaches the engine', async () => {
  const server = served();
  const schema = { type: 'object' };
  const format = { type: 'json_schema', name: 'thing', strict: true, schema };
  const body = (await (await post(server, path, { ...hi, text: { format } })).json()) as { text: unknown };
  assert.deepEqual(body.text, { format });
  assert.deepEqual(server.backend.received.request.grammar, { kind: 'schema', schema });
  await post(server, path, { ...hi, text: { format: { type: 'text' }, verbosity: 'low' } });
  assert.equal(server.backend.received.request.grammar, undefined);
});
