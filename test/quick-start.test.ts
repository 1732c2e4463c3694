import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'node:test';
import { writeChatModel } from './support/chat-model.ts';
import { run } from './support/cli.ts';
import { serve } from './support/server.ts';
import { sharedPath } from './support/temp-folder.ts';

const model = writeChatModel(sharedPath('model.gguf'));

/** A port that was free a moment ago. */
async function freePort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return `${port}`;
}

/** Answers of this model have no end of their own. */
const short = ['-n', '8'];

for (const option of [['--tensor-parallel', '2'], ['--prompt-cache'], ['--max-tokens', '3', '--prompt-cache']]) {
  test(`as it is written, this answers: run MODEL --prompt Hello ${option.join(' ')}`, async () => {
    const { code, stdout, stderr } = await run(['run', model, ...short, '--prompt', 'Hello', ...option]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /\S\n$/);
  });
}

test('as it is written, this serves: serve MODEL -m 500M --max-batch 8 --prompt-cache', async () => {
  await using server = await serve([model, '-m', '500M', '--max-batch', '8', '--prompt-cache']);
  assert.match(server.said(), /"parallel":8,/);
});

test('as it is written, this serves: serve MODEL -m 500M --prompt-cache --port N, and its requests are answered', async () => {
  const port = await freePort();
  await using server = await serve([model, '-m', '500M', '--prompt-cache', '--port', port]);
  assert.equal(server.port, port);
  /** As curl sends it: -d says that it is a form, and may be all that is said. */
  const curl = async (path: string, data: string, type = 'application/x-www-form-urlencoded'): Promise<string> => {
    const headers = { 'content-type': type };
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', headers, body: data });
    assert.equal(response.status, 200);
    return response.text();
  };
  const generated = await curl('/api/generate', '{"prompt": "What is a crate?", "num_predict": 8}');
  const last = JSON.parse(generated.trim().split('\n').at(-1) ?? '') as { done: boolean; eval_count: number };
  assert.deepEqual([last.done, last.eval_count], [true, 8]);
  const chat = '{"messages": [{"role": "user", "content": "Hello!"}], "max_tokens": 8}';
  const completion = JSON.parse(await curl('/v1/chat/completions', chat, 'application/json')) as {
    choices: { message: { role: string; content: string } }[];
    usage: { completion_tokens: number };
  };
  assert.equal(completion.usage.completion_tokens, 8);
  assert.equal(completion.choices[0]?.message.role, 'assistant');
  assert.match(completion.choices[0]?.message.content ?? '', /\S/);
});
