import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import test from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { deferred } from '../../test/support/deferred.ts';
import { allSettled, withEither } from './promises.ts';

test('a rejection is told only after all promises have ended', async () => {
  const { promise: slow, resolve: end } = deferred();
  let told = false;
  const all = allSettled([Promise.reject(new Error('first')), slow]).finally(() => {
    told = true;
  });
  await turn();
  assert.ok(!told);
  end();
  await assert.rejects(all, { message: 'first' });
  await allSettled([Promise.resolve(), slow]);
});

test('work is aborted by whichever signal is aborted, also before it begins, for that reason', async () => {
  for (const which of [0, 1]) {
    for (const before of [true, false]) {
      const controllers = [new AbortController(), new AbortController()];
      const abort = (): void => controllers[which]?.abort(`reason ${which}`);
      if (before) abort();
      const signals = controllers.map(({ signal }) => signal);
      const reason = await withEither(signals, async (signal) => {
        assert.equal(signal.aborted, before);
        if (!before) abort();
        return signal.reason;
      });
      assert.equal(reason, `reason ${which}`);
    }
  }
});

test('work that has ended leaves nothing at a signal that lives on, however it ends', async () => {
  const { signal } = new AbortController();
  for (let i = 0; i < 20; i += 1) {
    const { signal: own } = new AbortController();
    assert.equal(await withEither([own, signal], async () => getEventListeners(signal, 'abort').length), 1);
    await assert.rejects(
      withEither([own, signal], () => Promise.reject(new Error('made up'))),
      /made up/,
    );
  }
  assert.equal(getEventListeners(signal, 'abort').length, 0);
});
