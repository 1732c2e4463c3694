import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

test('an engine whose server is gone before it has begun ends by itself', async () => {
  const child = fork(fileURLToPath(new URL('engine-main.ts', import.meta.url)), { stdio: 'ignore' });
  const ended = once(child, 'exit');
  child.disconnect();
  const [code] = (await ended) as [number | null];
  assert.equal(code, 0);
});
