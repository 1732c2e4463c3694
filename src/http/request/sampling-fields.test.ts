import assert from 'node:assert/strict';
import test from 'node:test';
import * as z from 'zod';
import { servedModel } from '../../../test/support/fake-backend.ts';
import { post, served } from '../../../test/support/served.ts';
import { samplingFields, samplingOf } from './sampling-fields.ts';

const read = (body: object): object => samplingOf(z.looseObject(samplingFields).parse(body));

test('options are read under the names that clients know', () => {
  assert.deepEqual(read({ top_k: 5, typical_p: 0.5, repetition_penalty: 1.1, xtc_probability: 0.2, seed: 2 ** 33 }), {
    topK: 5,
    typicalP: 0.5,
    repeatPenalty: 1.1,
    xtcProbability: 0.2,
    seed: 2 ** 33 % (2 ** 32 - 1),
  });
  assert.deepEqual(read({ temperature: null }), {});
});

test('numbers below zero are off, or all of the context, however far below', () => {
  for (const below of [-1, -5, Number.MIN_SAFE_INTEGER]) {
    assert.deepEqual(read({ top_k: below, top_n_sigma: below, seed: below }), { topK: 0, topNSigma: 0 });
    assert.deepEqual(read({ repeat_last_n: below }), { repeatLastN: 2 ** 20 });
  }
});

test("where a request says nothing the model's file counts, then what is usual", async () => {
  const server = served();
  const chat = { messages: [{ role: 'user', content: 'Hi' }] };
  const sampled = async (body: object): Promise<object> => {
    assert.equal((await post(server, '/v1/chat/completions', { ...chat, ...body })).status, 200);
    return server.backend.received.request.sampling;
  };
  assert.deepEqual(await sampled({}), { temperature: 1, topK: 40, topP: 1, minP: 0.05 });
  server.backend.served.splice(0, 1, servedModel({ sampling: { temperature: 0.6, topK: 20 } }));
  assert.deepEqual(await sampled({ top_k: -1 }), { temperature: 0.6, topK: 0, topP: 1, minP: 0.05 });
  assert.deepEqual(await sampled({ repeat_last_n: -1 }), {
    temperature: 0.6,
    topK: 20,
    topP: 1,
    minP: 0.05,
    repeatLastN: servedModel().trainedContext,
  });
});

test('mirostat, and penalties of repeated sequences, are what llama-server calls them', async () => {
  const server = served();
  const dry = { dry_multiplier: 0.8, dry_base: 2, dry_allowed_length: 3, dry_penalty_last_n: -1 };
  const given = { ...dry, dry_sequence_breakers: [';'], mirostat: 2, mirostat_tau: 3, mirostat_eta: 0.2 };
  for (const path of ['/v1/completions', '/completion']) {
    assert.equal((await post(server, path, { prompt: 'Hi', ...given })).status, 200);
    const { sampling } = server.backend.received.request;
    assert.deepEqual(
      [sampling.dryMultiplier, sampling.dryBase, sampling.dryAllowedLength, sampling.dryPenaltyLastN],
      [0.8, 2, 3, 2 ** 20],
    );
    assert.deepEqual(
      [sampling.drySequenceBreakers, sampling.mirostat, sampling.mirostatTau, sampling.mirostatEta],
      [[';'], 2, 3, 0.2],
    );
    const wrong = await post(server, path, { prompt: 'Hi', dry_sequence_breakers: [] });
    assert.equal(wrong.status, 400);
  }
});

test('a name that nobody knows is a warning, in each API', async () => {
  const server = served();
  const messages = [{ role: 'user', content: 'Hi' }];
  for (const [path, body] of [
    ['/api/chat', { messages, stream: false }],
    ['/api/generate', { prompt: 'Hi', stream: false }],
    ['/api/embed', { input: 'Hi' }],
    ['/api/embeddings', { prompt: 'Hi' }],
    ['/v1/embeddings', { input: 'Hi' }],
    ['/v1/rerank', { query: 'Hi', documents: ['Ho'] }],
    ['/v1/messages', { messages, max_tokens: 8 }],
    ['/v1/responses', { input: 'Hi' }],
    ['/tokenize', { content: 'Hi' }],
    ['/apply-template', { messages }],
    ['/v1/chat/completions/input_tokens', { messages }],
    ['/v1/messages/count_tokens', { messages }],
    ['/api/show', {}],
  ] as const) {
    assert.equal((await post(server, path, body)).headers.get('warning'), null, path);
    const response = await post(server, path, { ...body, xyzzy: 3 });
    assert.deepEqual([response.status, response.headers.get('warning')], [200, `299 ssd-llm "unknown: 'xyzzy'"`], path);
    // Answers of some APIs refuse this wish; it is not passed over by the others.
    const wish = await post(server, path, { ...body, min_tokens: 5 });
    assert.ok(wish.status === 400 || (wish.headers.get('warning') ?? '').includes('min_tokens'), path);
  }
  const warned = async (body: object): Promise<string | null> => {
    const response = await post(server, '/v1/completions', { prompt: 'Hi', ...body });
    assert.equal(response.status, 200);
    return response.headers.get('warning');
  };
  assert.match((await warned({ temprature: 0, user: 'me', 'bad\nname': 1 })) ?? '', /unknown: 'temprature'.*, 'bad.n/);
  assert.equal(await warned({ user: 'me', temperature: 0 }), null);
});

test('an option that changes nothing beside the others is a warning in every API, unless it is a default', async () => {
  const server = served();
  const idle = { mirostat_tau: 3, xtc_threshold: 0.1 };
  const messages = [{ role: 'user', content: 'Hi' }];
  for (const [path, body] of [
    ['/v1/completions', { prompt: 'Hi', ...idle }],
    ['/v1/chat/completions', { messages, ...idle }],
    ['/v1/messages', { messages, max_tokens: 8, ...idle }],
    ['/v1/responses', { input: 'Hi', ...idle }],
    ['/completion', { prompt: 'Hi', ...idle }],
    ['/api/generate', { prompt: 'Hi', stream: false, options: idle }],
    ['/api/chat', { messages, stream: false, options: idle }],
  ] as const) {
    const response = await post(server, path, body);
    assert.equal(response.status, 200, path);
    assert.equal(response.headers.get('warning'), '299 ssd-llm "mirostat_tau changes nothing without mirostat"', path);
  }
  server.backend.served.splice(0, 1, servedModel({ sampling: { mirostat: 2 } }));
  const response = await post(server, '/v1/completions', { prompt: 'Hi', ...idle, top_k: 7 });
  assert.equal(response.headers.get('warning'), '299 ssd-llm "top_k changes nothing beside mirostat 2"');
});

test('a place that a client chooses, and a prompt that it wants computed anew, are warnings', async () => {
  const server = served();
  for (const path of ['/completion', '/v1/chat/completions']) {
    const warned = async (fields: object): Promise<string | null> => {
      const body = { prompt: 'Hi', messages: [{ role: 'user', content: 'Hi' }], ...fields };
      return (await post(server, path, body)).headers.get('warning');
    };
    assert.match((await warned({ cache_prompt: false, id_slot: 3 })) ?? '', /cache_prompt: .*; id_slot: /);
    assert.doesNotMatch((await warned({ cache_prompt: true, id_slot: -1 })) ?? '', /cache_prompt|id_slot/);
  }
});
