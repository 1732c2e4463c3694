import assert from 'node:assert/strict';
import test from 'node:test';
import { writeBytePair } from '../../test/support/model-files.ts';
import { until } from '../../test/support/processes.ts';
import { tempFolder } from '../../test/support/temp-folder.ts';
import { EngineError } from '../base/errors.ts';
import { CpuDevice } from '../ggml/cpu-device.ts';
import { EngineWorker } from './engine-worker.ts';
import type { EngineReport } from './protocol.ts';

const context = 2 ** 17;
const sizes = { layers: 1, width: 32, heads: 1, kvHeads: 1, feedForward: 32, vocabulary: 400, context };

test('prompts wait as far as their tokens take no more memory than is planned; others are told to come again', async (t) => {
  t.mock.method(process, 'exit', () => {});
  using folder = tempFolder();
  const path = writeBytePair(folder.file('model.gguf'), sizes, { type: 'f16' });
  const reports: EngineReport[] = [];
  const worker = new EngineWorker((report) => reports.push(report), assert.fail);
  const settings = { memoryBudget: 2 ** 30, context, parallel: 1, threads: 1, kv: { home: 'ram' } } as const;
  worker.dispatch({ kind: 'start', start: { path, settings, debug: false, cpuVariant: undefined } });
  await until(() => reports.some(({ kind }) => kind === 'started' || kind === 'refused'));
  /** The report that a request is answered with before anything is computed. */
  const answerTo = (id: number, length: number): EngineReport | undefined => {
    const tokens = Array.from({ length }, (_, i) => i % 256);
    worker.dispatch({ kind: 'generate', id, request: { prompt: { kind: 'tokens', tokens }, sampling: {}, stop: [] } });
    return reports.find((report) => 'id' in report && report.id === id);
  };
  try {
    const grammar = { kind: 'text', text: 'x'.repeat(5 * 2 ** 20) } as const;
    const large = { prompt: { kind: 'tokens', tokens: [1] }, sampling: {}, stop: [], grammar } as const;
    worker.dispatch({ kind: 'generate', id: 20, request: large });
    const alone = reports.find((report) => 'id' in report && report.id === 20);
    assert.ok(alone?.kind === 'failure' && alone.failure.code === 'BAD_GRAMMAR', 'nobody else waits');
    for (const id of [1, 2, 3, 4]) assert.equal(answerTo(id, context - 8)?.kind, 'accepted');
    const refused = answerTo(5, context - 8);
    assert.ok(refused?.kind === 'failure' && refused.failure.code === 'SERVER_BUSY');
    assert.equal(answerTo(6, 8)?.kind, 'accepted', 'a short one still has room');
    worker.dispatch({ kind: 'cancel', id: 2 });
    await until(() => reports.some((report) => report.kind === 'ended' && report.id === 2));
    assert.equal(answerTo(7, context - 8)?.kind, 'accepted', 'one that has left makes room');
    const prompt = { kind: 'chat', messages: [{ role: 'user', content: 'Hi' }] } as const;
    worker.dispatch({ kind: 'generate', id: 8, request: { prompt, sampling: {}, stop: [] } });
    const accepted = reports.find((report) => report.kind === 'accepted' && report.id === 8);
    assert.ok(accepted?.kind === 'accepted' && accepted.warnings?.some((text) => /no chat template/.test(text)));
  } finally {
    await worker.end();
  }
});

test('a device that fails is an answer that names it, after which the engine leaves', async (t) => {
  t.mock.method(process, 'exit', () => {});
  using folder = tempFolder();
  const path = writeBytePair(folder.file('model.gguf'), sizes, { type: 'f16' });
  const reports: EngineReport[] = [];
  let left = 0;
  const leave = (): void => {
    left += 1;
  };
  const worker = new EngineWorker((report) => reports.push(report), leave);
  const settings = { memoryBudget: 2 ** 29, context: 256, parallel: 1, threads: 1 } as const;
  worker.dispatch({ kind: 'start', start: { path, settings, debug: false, cpuVariant: undefined } });
  await until(() => reports.some(({ kind }) => kind === 'started' || kind === 'refused'));
  t.mock.method(CpuDevice.prototype, 'checkComputed', () => {
    throw new EngineError('DEVICE_FAILED', { device: 'a GPU', reason: 'a test' });
  });
  const request = { prompt: { kind: 'tokens', tokens: [1, 2, 3] }, sampling: {}, stop: [] } as const;
  worker.dispatch({ kind: 'generate', id: 1, request });
  await until(() => reports.some(({ kind }) => kind === 'failure'));
  const failed = reports.find(({ kind }) => kind === 'failure');
  assert.ok(failed?.kind === 'failure' && failed.failure.code === 'DEVICE_FAILED');
  assert.equal(left, 1);
  await worker.end();
});
