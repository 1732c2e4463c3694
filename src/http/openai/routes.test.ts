import assert from 'node:assert/strict';
import test from 'node:test';
import { FakeBackend, servedModel } from '../../../test/support/fake-backend.ts';
import { post, served } from '../../../test/support/served.ts';

const meta = { n_ctx: 2048, n_ctx_train: 2048, size: 97_000_000, ftype: 'Q4_1' };
const tiny = { id: 'tiny:q4_1', object: 'model', created: 1_728_000_000, owned_by: 'ssd-llm', meta };

test('models are listed', async () => {
  const response = await served().app.request('/v1/models');
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), { object: 'list', data: [tiny] });
});

test('a model is found by an id with colons and slashes, encoded or not', async () => {
  const { app } = served({}, new FakeBackend(servedModel(), servedModel({ name: 'org/big model:q8_0' })));
  for (const [path, id] of [
    ['tiny:q4_1', 'tiny:q4_1'],
    ['tiny%3Aq4_1', 'tiny:q4_1'],
    ['org/big%20model:q8_0', 'org/big model:q8_0'],
    [encodeURIComponent('org/big model:q8_0'), 'org/big model:q8_0'],
  ]) {
    const response = await app.request(`/v1/models/${path}`);
    assert.deepEqual(await response.json(), { ...tiny, id });
  }
});

test('an unknown model is 404', async () => {
  const response = await served().app.request('/v1/models/gpt-4o');
  assert.equal(response.status, 404);
  assert.deepEqual(await response.json(), {
    error: {
      message: "model 'gpt-4o' not found; the server has tiny:q4_1",
      type: 'not_found_error',
      param: 'model',
      code: 'model_not_found',
    },
  });
});

test('a body that is missing, no JSON or no object is refused', async () => {
  for (const path of ['/v1/chat/completions', '/v1/completions']) {
    for (const [body, code] of [
      ['', 'missing_body'],
      [' \n', 'missing_body'],
      ['{"model":', 'invalid_json'],
      ['[]', 'invalid_value'],
      ['null', 'invalid_value'],
    ] as const) {
      const response = await post(served(), path, body);
      assert.equal(response.status, 400);
      const { error } = (await response.json()) as { error: { message: string } };
      assert.deepEqual({ ...error, message: '' }, { message: '', type: 'invalid_request_error', param: null, code });
      assert.ok(error.message.length > 0);
    }
  }
});

test('what does not exist is 404 in the shape that clients read', async () => {
  for (const path of ['/v1', '/v1/files', '/v1/chat']) {
    const response = await served().app.request(path);
    assert.equal(response.status, 404);
    assert.deepEqual(await response.json(), {
      error: { message: `there is no GET ${path}`, type: 'not_found_error', param: null, code: 'not_found' },
    });
  }
});
