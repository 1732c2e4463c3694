import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../test/support/driver-ends.ts', import.meta.url));

test('a driver that ends the process leaves an error with a code, and an exit code', {
  skip: process.platform !== 'linux',
}, async () => {
  for (const [way, reason] of [
    ['aborts', 'ggml.cpp:7: it is lost'],
    ['throws', 'no reason given'],
  ] as const) {
    const child = fork(program, [way], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    const [said, [code]] = await Promise.all([text(child.stderr as NodeJS.ReadableStream), once(child, 'exit')]);
    assert.match(said, /^error: a card failed \(.*\); try again, or take another device \[DEVICE_FAILED\]\n$/);
    assert.ok(said.includes(`(${reason})`), said);
    assert.equal(code, 1);
  }
});
