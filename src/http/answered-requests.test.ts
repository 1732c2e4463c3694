import assert from 'node:assert/strict';
import test from 'node:test';
import { FakeBackend } from '../../test/support/fake-backend.ts';
import { until } from '../../test/support/processes.ts';
import { served } from '../../test/support/served.ts';
import { serving } from '../../test/support/serving.ts';
import { EngineError } from '../base/errors.ts';
import { collectGarbage } from '../base/garbage.ts';
import type { ServedModel } from '../library/model-card.ts';
import type { Answer, GenerationCallOptions, GenerationRequest } from '../worker/backend.ts';

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
const bodies: Readonly<Record<string, object>> = {
  '/api/generate': { prompt: 'Hi' },
  '/api/chat': { messages },
  '/v1/chat/completions': { messages },
  '/v1/completions': { prompt: 'Hi' },
  '/v1/responses': { input: 'Hi' },
  '/v1/messages': { messages, max_tokens: 8 },
  '/completion': { prompt: 'Hi' },
};

test('on every route, nothing of a request stays in memory once it is answered or refused', async () => {
  const backend = new ForgetfulBackend();
  await using server = await serving(served({ loopback: true }, backend).app);
  const answers = { deltas: ['Hello'] };
  const refusal = new EngineError('MODEL_CLOSED', { file: 'tiny.gguf' });
  for (const [path, body] of Object.entries(bodies)) {
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
  assert.equal(backend.asked.length, 4 * Object.keys(bodies).length);
  // Collecting takes several turns: what is finalized in one is gone in the next.
  await until(() => {
    collectGarbage();
    return backend.asked.every((request) => request.deref() === undefined);
  });
});
