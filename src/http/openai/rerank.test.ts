import assert from 'node:assert/strict';
import test from 'node:test';
import { post, served } from '../../../test/support/served.ts';

const model = 'tiny:q4_1';
/** The fake's score of a text is its length. */
const documents = ['ab', 'abcd', 'abc'];

const ask = async (path: string, body: object): Promise<unknown> => {
  const response = await post(served(), path, { model, query: 'x', ...body });
  assert.equal(response.status, 200);
  return response.json();
};

test('documents are scored, the best first, at every name of the endpoint', async () => {
  for (const path of ['/v1/rerank', '/v1/reranking', '/rerank', '/reranking']) {
    assert.deepEqual(await ask(path, { documents }), {
      model,
      object: 'list',
      usage: { prompt_tokens: 9, total_tokens: 9 },
      results: [
        { index: 1, relevance_score: 4 },
        { index: 2, relevance_score: 3 },
        { index: 0, relevance_score: 2 },
      ],
    });
  }
});

test('no more than are asked for come back, with their texts if these are wanted', async () => {
  const objects = documents.map((text) => ({ text }));
  const { results } = (await ask('/v1/rerank', { documents: objects, top_n: 1, return_documents: true })) as {
    results: unknown;
  };
  assert.deepEqual(results, [{ index: 1, relevance_score: 4, document: { text: 'abcd' } }]);
});

test('texts are answered as the servers of Hugging Face do', async () => {
  const best = { index: 1, score: 4 };
  assert.deepEqual(await ask('/rerank', { texts: documents, top_n: 1 }), [best]);
  assert.deepEqual(await ask('/rerank', { texts: documents, top_n: 1, return_text: true }), [
    { ...best, text: 'abcd' },
  ]);
});

test('requests without a query or documents are refused by the name of the field', async () => {
  for (const [param, body] of [
    ['query', { documents }],
    ['query', { query: '', documents }],
    ['documents', { query: 'x' }],
    ['documents', { query: 'x', documents: [] }],
    ['documents[0]', { query: 'x', documents: [7] }],
    ['top_n', { query: 'x', documents, top_n: 0 }],
  ] as const) {
    const response = await post(served(), '/v1/rerank', { model, ...body });
    const { error } = (await response.json()) as { error: { param: string } };
    assert.deepEqual([response.status, error.param], [400, param], JSON.stringify(body));
  }
});
