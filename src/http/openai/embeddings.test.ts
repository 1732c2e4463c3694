import assert from 'node:assert/strict';
import test from 'node:test';
import { post, served } from '../../../test/support/served.ts';

const model = 'tiny:q4_1';
const path = '/v1/embeddings';

interface Body {
  readonly data: readonly { readonly object: string; readonly index: number; readonly embedding: unknown }[];
  readonly usage: object;
}

const ask = async (body: object): Promise<Body> => {
  const response = await post(served(), path, { model, ...body });
  assert.equal(response.status, 200);
  return (await response.json()) as Body;
};

test('texts and tokens, one or several, are embedded with their usage', async () => {
  for (const [input, embeddings, tokens] of [
    ['plums', [[5, 0]], 5],
    [
      ['a', 'bc'],
      [
        [1, 0],
        [2, Number(Math.fround(0.1).toPrecision(9))],
      ],
      3,
    ],
    [[7, 8, 9], [[3, 0]], 3],
    [
      [[7], [8, 9]],
      [
        [1, 0],
        [2, Number(Math.fround(0.1).toPrecision(9))],
      ],
      3,
    ],
  ] as const) {
    const body = await ask({ input });
    assert.deepEqual(body, {
      object: 'list',
      data: embeddings.map((embedding, index) => ({ object: 'embedding', embedding, index })),
      model,
      usage: { prompt_tokens: tokens, total_tokens: tokens },
    });
  }
});

test('base64 holds the same float32 values', async () => {
  const { data } = await ask({ input: ['a', 'bc'], encoding_format: 'base64' });
  const vectors = data.map(({ embedding }) => {
    const bytes = Buffer.from(embedding as string, 'base64');
    return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  });
  assert.deepEqual(vectors, [new Float32Array([1, 0]), new Float32Array([2, 0.1])]);
});

test('dimensions and the context reach the engine', async () => {
  const server = served();
  await post(server, path, { model, input: 'x', dimensions: 1, num_ctx: 64 });
  assert.deepEqual(server.backend.calls, [
    `embed ${model} ${JSON.stringify({ inputs: ['x'], truncate: false, dimensions: 1, context: 64 })}`,
  ]);
});

test('empty and wrong inputs are refused by the name of the field', async () => {
  for (const [param, body] of [
    ['input', { input: '' }],
    ['input', { input: [] }],
    ['input[1]', { input: ['x', ''] }],
    ['input[0]', { input: [[]] }],
    ['input[0]', { input: [-1] }],
    ['input', {}],
    ['dimensions', { input: 'x', dimensions: 0 }],
    ['encoding_format', { input: 'x', encoding_format: 'hex' }],
  ] as const) {
    const response = await post(served(), path, { model, ...body });
    assert.equal(response.status, 400);
    const { error } = (await response.json()) as { error: { param: string; type: string } };
    assert.deepEqual([error.param, error.type], [param, 'invalid_request_error'], JSON.stringify(body));
  }
});
