import assert from 'node:assert/strict';
import test from 'node:test';
import { FakeBackend, servedModel } from '../../../test/support/fake-backend.ts';
import { post, served } from '../../../test/support/served.ts';
import { thinkLevels } from '../../chat/think-levels.ts';

const chat = { model: 'tiny:q4_1', messages: [{ role: 'user', content: 'Hi' }] };

/** Endpoints, the path of a level, and bodies with one. */
const levels: readonly (readonly [path: string, at: string, body: (level: unknown) => object])[] = [
  ['/api/chat', 'think', (think) => ({ ...chat, think })],
  ['/api/generate', 'think', (think) => ({ model: chat.model, prompt: 'Hi', think })],
  ['/v1/chat/completions', 'reasoning_effort', (reasoning_effort) => ({ ...chat, reasoning_effort })],
  ['/v1/chat/completions', 'reasoning.effort', (effort) => ({ ...chat, reasoning: { effort } })],
  ['/v1/responses', 'reasoning.effort', (effort) => ({ model: chat.model, input: 'Hi', reasoning: { effort } })],
  ['/v1/messages', 'output_config.effort', (effort) => ({ ...chat, max_tokens: 16, output_config: { effort } })],
];

for (const [path, at, body] of levels) {
  test(`${path} takes the levels of ${at} that the command line knows, and names them where it refuses others`, async () => {
    const server = served({}, new FakeBackend(servedModel({ thinks: true })));
    for (const level of [null, ...thinkLevels])
      assert.equal((await post(server, path, body(level))).status, 200, `${level}`);
    for (const level of ['bogus', '', 'LOW', 3]) {
      const response = await post(server, path, body(level));
      const text = await response.text();
      assert.equal(response.status, 400, `${level}`);
      assert.ok(text.includes(at), text);
      for (const known of thinkLevels) assert.ok(text.includes(known), text);
    }
  });
}
