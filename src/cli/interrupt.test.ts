import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { interruptible, interruptibleBlocking, throwIfInterrupted } from './interrupt.ts';

const program = fileURLToPath(new URL('../../test/support/interrupted.ts', import.meta.url));

test('Ctrl-C ends what never comes back to the event loop', { skip: process.platform === 'win32' }, async () => {
  const child = fork(program, { silent: true });
  const exit = once(child, 'exit');
  const [text] = (await once(child.stdout ?? assert.fail(), 'data')) as [Buffer];
  assert.equal(`${text}`, 'looping');
  child.kill('SIGINT');
  assert.deepEqual(await exit, [130, null]);
});

test('Ctrl-C that came before is not lost', { skip: process.platform === 'win32' }, async () => {
  let done = false;
  await interruptible(async (abort) => {
    process.kill(process.pid, 'SIGINT');
    await interruptibleBlocking(abort, () => {
      done = true;
    });
  });
  assert.deepEqual([done, process.exitCode], [false, 130]);
  process.exitCode = undefined;
});

test('Ctrl-C that came while something was measured ends what follows', {
  skip: process.platform === 'win32',
}, async () => {
  let told = false;
  await interruptible(async ({ signal }) => {
    process.kill(process.pid, 'SIGINT');
    await throwIfInterrupted(signal);
    told = true;
  });
  assert.deepEqual([told, process.exitCode], [false, 130]);
  process.exitCode = undefined;
});

test('what is not interrupted returns and throws as ever', async () => {
  const abort = new AbortController();
  const value = { a: 1 };
  assert.equal(await interruptibleBlocking(abort, () => value), value);
  const failing = interruptibleBlocking(abort, () => {
    throw new TypeError('wrong');
  });
  await assert.rejects(failing, TypeError);
  assert.equal(abort.signal.aborted, false);
});
