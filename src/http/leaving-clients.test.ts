import assert from 'node:assert/strict';
import { request } from 'node:http';
import test from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { deferred } from '../../test/support/deferred.ts';
import { FakeBackend, servedModel } from '../../test/support/fake-backend.ts';
import { until } from '../../test/support/processes.ts';
import { served } from '../../test/support/served.ts';
import { serving } from '../../test/support/serving.ts';
import { EngineError } from '../base/errors.ts';
import { collectGarbage } from '../base/garbage.ts';
import type { ServedModel } from '../library/model-card.ts';
import type {
  Answer,
  EmbeddedInputs,
  EmbeddingRequest,
  GenerationCallOptions,
  GenerationRequest,
} from '../worker/backend.ts';

/** A backend that begins with nothing: neither an answer nor an embedding. */
class SilentBackend extends FakeBackend {
  readonly signals: AbortSignal[] = [];
  override script = { deltas: [], pause: deferred().promise };

  override async *embed(
    _: ServedModel,
    __: EmbeddingRequest,
    { signal }: GenerationCallOptions,
  ): AsyncGenerator<EmbeddedInputs, void, void> {
    this.signals.push(signal);
    await deferred().promise;
    yield { vectors: [], tokens: 0, loadSeconds: 0 };
  }

  get asked(): readonly AbortSignal[] {
    return [...this.signals, ...this.requests.map(({ signal }) => signal)];
  }
}

/** A backend that keeps none of its requests. */
class ForgetfulBackend extends FakeBackend {
  readonly asked: WeakRef<GenerationRequest>[] = [];

  override async generate(
    model: ServedModel,
    request: GenerationRequest,
    options: GenerationCallOptions,
  ): Promise<Answer> {
    this.asked.push(new WeakRef(request));
    const answer = super.generate(model, request, options);
    this.requests.length = 0;
    return await answer;
  }
}

const messages = [{ role: 'user', content: 'Hi' }];
const answering: Readonly<Record<string, object>> = {
  '/api/generate': { prompt: 'Hi' },
  '/api/chat': { messages },
  '/v1/chat/completions': { messages },
  '/v1/completions': { prompt: 'Hi' },
  '/v1/responses': { input: 'Hi' },
  '/v1/messages': { messages, max_tokens: 8 },
  '/completion': { prompt: 'Hi' },
  '/infill': { input_prefix: 'a', input_suffix: 'b' },
};
const embedding: Readonly<Record<string, object>> = {
  '/api/embed': { input: ['Hi', 'Ho'] },
  '/api/embeddings': { prompt: 'Hi' },
  '/v1/embeddings': { input: ['Hi', 'Ho'] },
  '/v1/rerank': { query: 'Hi', documents: ['Ho', 'Hu'] },
};
const attempts = [
  ...Object.entries(answering).flatMap(([path, body]) =>
    [true, false].map((stream) => [path, { ...body, stream }] as const),
  ),
  ...Object.entries(embedding),
];

test('on every route, a client that leaves before the first byte cancels its own work at once, and no others', async () => {
  const backend = new SilentBackend(servedModel({ embeds: true }));
  await using server = await serving(served({ loopback: true }, backend).app);
  const send = (path: string, body: object) => {
    const client = request({ ...server.address, path, method: 'POST' });
    client.on('error', () => {});
    client.end(JSON.stringify({ model: 'tiny:q4_1', ...body }));
    return client;
  };
  for (const [path, body] of attempts) {
    const before = backend.asked.length;
    const clients = [send(path, body), send(path, body)];
    while (backend.asked.length < before + 2) await turn();
    const signals = backend.asked.filter(({ aborted }) => !aborted);
    clients[0]?.destroy();
    while (signals.every(({ aborted }) => !aborted)) await turn();
    assert.equal(signals.filter(({ aborted }) => aborted).length, 1, `${path} ${JSON.stringify(body)}`);
    clients[1]?.destroy();
    while (!signals.every(({ aborted }) => aborted)) await turn();
  }
});

test('on every route, nothing of a request stays in memory once it is answered or refused', async () => {
  const backend = new ForgetfulBackend();
  await using server = await serving(served({ loopback: true }, backend).app);
  const answers = { deltas: ['Hello'] };
  const refusal = new EngineError('MODEL_CLOSED', { file: 'tiny.gguf' });
  for (const [path, body] of Object.entries(answering)) {
    for (const script of [answers, { ...answers, refusal }]) {
      for (const stream of [true, false]) {
        backend.script = script;
        const text = JSON.stringify({ model: 'tiny:q4_1', stream, ...body });
        const response = await fetch(`${server.url}${path}`, { method: 'POST', body: text });
        await response.text();
        assert.equal(response.ok, script === answers, path);
      }
    }
  }
  assert.equal(backend.asked.length, 4 * Object.keys(answering).length);
  // Collecting takes several turns: what is finalized in one is gone in the next.
  await until(() => {
    collectGarbage();
    return backend.asked.every((request) => request.deref() === undefined);
  });
});
