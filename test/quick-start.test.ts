import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { after } from 'node:test';
import { writeChatModel } from './support/chat-model.ts';
import { run } from './support/cli.ts';
import { serve } from './support/server.ts';
import { tempFolder } from './support/temp-folder.ts';

const folder = tempFolder();
after(() => folder[Symbol.dispose]());
const model = folder.file('model.gguf');
writeChatModel(model);

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
  assert.match(server.said(), /; 8 at once, /);
});

test('as it is written, this serves: serve MODEL -m 500M --prompt-cache --port N', async () => {
  const port = await freePort();
  await using server = await serve([model, '-m', '500M', '--prompt-cache', '--port', port]);
  assert.equal(server.port, port);
});
