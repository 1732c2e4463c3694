import assert from 'node:assert/strict';
import test from 'node:test';
import { allSettled } from './promises.ts';

test('a rejection is told only after all promises have ended', async () => {
  let ended = false;
  const slow = new Promise<void>((resolve) =>
    setTimeout(() => {
      ended = true;
      resolve();
    }, 20),
  );
  await assert.rejects(allSettled([Promise.reject(new Error('first')), slow]), { message: 'first' });
  assert.ok(ended);
  await allSettled([Promise.resolve(), slow]);
});
