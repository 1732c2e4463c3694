import assert from 'node:assert/strict';
import test from 'node:test';
import { EngineProcess } from '../src/worker/engine-process.ts';
import type { EngineStart } from '../src/worker/protocol.ts';
import { longestSilence } from '../src/worker/silence-counter.ts';
import { engineError } from './support/engine-error.ts';
import { isAlive } from './support/processes.ts';
import { smollm2 } from './support/smollm2.ts';

const startOf = (path: string): EngineStart => ({
  path,
  settings: {
    memoryBudget: 400 * 2 ** 20,
    context: 256,
    parallel: 1,
    promptCache: { bytes: 0 },
    kv: { home: 'ram' },
    kernels: 'plain',
    threads: 1,
    ioThreads: 4,
  },
  cpuVariant: undefined,
  debug: false,
});

const linux = { skip: process.platform !== 'linux' };

test('an engine that gives no sign of life is ended, and its requests are told so', linux, async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const options = { name: 'still', onWarning: () => {}, onEvent: () => {} };
  const engine = await EngineProcess.start(startOf(await smollm2()), options, new AbortController().signal);
  const { pid = 0 } = engine;
  process.kill(pid, 'SIGSTOP');
  // Earlier reports may still be on their way.
  await new Promise((resolve) => setTimeout(resolve, 100));
  const failed = assert.rejects(
    engine.call({ name: 'load' }),
    engineError('ENGINE_DIED', /no sign of life for 30 s.*the next request starts it again/),
  );
  t.mock.timers.tick((longestSilence - 1) * 1000);
  assert.equal(engine.silent, longestSilence - 1);
  assert.ok(isAlive(pid));
  t.mock.timers.tick(1000);
  await failed;
  assert.match(await engine.ended, /no sign of life/);
});
