import assert from 'node:assert/strict';
import test from 'node:test';
import type { WhatIf } from '../src/model/what-if.ts';
import type { RunningEngine } from '../src/worker/server-status.ts';
import { writeBytePair } from './support/model-files.ts';
import { until } from './support/processes.ts';
import { postTo, type Server, serve } from './support/server.ts';
import { sharedFolder } from './support/temp-folder.ts';

const folder = sharedFolder();
// 41 MB: more than a budget leaves whose process takes 90 to 110.
const shape = { layers: 6, width: 768, heads: 12, kvHeads: 6, feedForward: 2048, vocabulary: 400, context: 256 };
const path = writeBytePair(folder.file('batch.gguf'), shape, { type: 'q8_0' });

interface Status {
  readonly time: number;
  readonly figures: Readonly<Record<string, number>>;
  readonly engine: RunningEngine | null;
}

const statusOf = async ({ url }: Server): Promise<Status> =>
  (await (await fetch(`${url}/api/status`)).json()) as Status;

/** The figures of /metrics that have no labels. */
async function metricsOf({ url }: Server): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return new Map([...text.matchAll(/^ssdllm_(\w+) (\S+)$/gm)].map(([, name = '', value]) => [name, Number(value)]));
}

const counters = (metrics: ReadonlyMap<string, number>): readonly (readonly [string, number])[] =>
  [...metrics].filter(([name]) => name.endsWith('_total'));

test('while a model streams, the status tells its shares, layers, texts and last pass, with the figures of /metrics', async () => {
  const options = ['--ctx', '256', '--threads', '1', '--parallel', '2', '--kv-home', 'ram', '--kernels', 'plain'];
  await using server = await serve([path, '--memory-budget', '125M', ...options]);
  assert.equal((await statusOf(server)).engine, null);

  let over = false;
  const answers = (async (): Promise<void> => {
    const body = { prompt: 'one two three', n_predict: 150, ignore_eos: true };
    while (!over) assert.equal((await postTo(server, '/completion', body)).status, 200);
  })();
  // A failure of the test ends the server first.
  answers.catch(() => {});
  let status = await statusOf(server);
  await until(async () => {
    status = await statusOf(server);
    return status.engine?.last_pass != null && status.engine.last_pass.answer_tokens === 1;
  });
  // Counters only grow: those of a status lie between two looks at /metrics.
  const before = await metricsOf(server);
  const { time } = await statusOf(server);
  // That one may be from before the look: it is the same for all who ask within a moment.
  await until(async () => {
    status = await statusOf(server);
    return status.time !== time;
  });
  const after = await metricsOf(server);
  for (const [name, value] of counters(before)) {
    const [now, then] = [status.figures[name] ?? assert.fail(name), after.get(name) ?? assert.fail(name)];
    assert.ok(value <= now && now <= then, `${name}: ${value} ${now} ${then}`);
  }
  assert.deepEqual(Object.keys(status.figures).sort(), [...after.keys()].sort());

  const engine = status.engine ?? assert.fail();
  const { plan, layers, process, last_pass: pass, storage } = engine;
  const shares = Object.values(plan.memory).reduce((sum, bytes) => sum + bytes, 0);
  assert.equal(shares + plan.unused, plan.budget);
  assert.ok(process.rss > 0 && process.rss <= process.peak && process.peak <= plan.budget, JSON.stringify(process));
  assert.equal(
    layers.reduce((sum, { streamed }) => sum + streamed, 0),
    plan.streamed.bytes,
  );
  assert.equal(layers.filter(({ name }) => name.startsWith('blk.')).length, 6);
  assert.ok(
    pass &&
      pass.answer_tokens + pass.prompt_tokens > 0 &&
      pass.bytes > 0 &&
      pass.reading.length > 0 &&
      pass.computing.length > 0,
  );
  assert.ok(pass.reading_s <= pass.seconds && pass.computing_s + pass.waiting_s <= pass.seconds * 1.001);
  assert.ok(storage.chunk > 0 && storage.limit !== null && storage.limit > 0);

  // A larger budget keeps more, a smaller one is refused with the one that works.
  const ask = async (changes: object): Promise<WhatIf> =>
    (await (await postTo(server, '/api/plan', changes)).json()) as WhatIf;
  let more = await ask({ budget: plan.budget + 2 ** 22 });
  // A speed is known after some tokens.
  await until(async () => {
    more = await ask({ budget: plan.budget + 2 ** 22 });
    return more.speed !== null;
  });
  assert.ok(more.plan && more.plan.resident.bytes > plan.resident.bytes && (more.speed?.tokens_per_s ?? 0) > 0);
  const less = await ask({ budget: 2 ** 20 });
  assert.ok(less.plan === null && less.needed !== null && less.needed > 2 ** 20);

  // Plans that nobody makes so take no memory of the one that holds.
  for (let i = 1; i <= 12; i += 1) await ask({ budget: plan.budget + i * 2 ** 20, parallel: 1 + (i % 8) });
  const { process: then } = (await statusOf(server)).engine ?? assert.fail();
  assert.ok(then.peak <= plan.budget, JSON.stringify(then));

  over = true;
  await answers;
});
