import assert from 'node:assert/strict';
import test from 'node:test';
import type { ReadEvent } from '../pager/reader.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { PassRecorder } from './pass-recorder.ts';

const pass = { decoding: 1, prompts: 0 };

test('passes are recorded while somebody looks, and each timeline is made once', async () => {
  const recorder = new PassRecorder();
  const reader: { onRead?: ((event: ReadEvent) => void) | undefined } = {};
  const runtime = { reader } as unknown as Runtime;
  const watched = (): Promise<boolean> =>
    recorder.record(runtime, pass, async (trace) => {
      assert.equal(reader.onRead !== undefined, trace !== undefined);
      return trace !== undefined;
    });
  assert.equal(await watched(), false);
  assert.equal(recorder.look(), undefined);
  assert.equal(await watched(), true);
  const timeline = recorder.look();
  assert.equal(timeline?.answer_tokens, 1);
  assert.equal(recorder.look(), timeline);
  await watched();
  assert.notEqual(recorder.look(), timeline);
  assert.equal(reader.onRead, undefined);
});
