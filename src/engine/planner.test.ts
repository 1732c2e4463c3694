import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { type RandomModelSpec, writeRandomModel } from '../../bench/random-model.ts';
import { tempFolder } from '../../test/support/temp-folder.ts';
import { EngineError } from '../base/errors.ts';
import { Device } from '../ggml/device.ts';
import type { Plan } from '../plan/plan.ts';
import { openOutline } from './outline.ts';
import { layoutsOf, type PlanOptions, planModel } from './planner.ts';

const folder = tempFolder();
after(() => folder[Symbol.dispose]());
const device = new Device(1, 0);
after(() => device[Symbol.dispose]());

let files = 0;
function written(spec: Partial<RandomModelSpec> = {}): string {
  const sizes = { layers: 6, width: 64, heads: 4, kvHeads: 2, feedForward: 96, vocabulary: 50, context: 4096 };
  const [path = ''] = writeRandomModel(folder.file(`${files++}.gguf`), { architecture: 'llama', ...sizes, ...spec });
  return path;
}

const plan = (path: string, options: Partial<PlanOptions>): Plan =>
  planModel(openOutline(path), device, layoutsOf(device, 'plain'), {
    budget: 2 ** 30,
    runtime: 0,
    kernels: 'plain',
    ...options,
  });

const window = { tokens: 1000, sinks: 4 };

test('with a window keys and values take what it takes, however long a text may become', () => {
  const path = written();
  const bytes = [1005, 5000, 2 ** 20].map((context) => plan(path, { context, kv: { window } }).shares.kv);
  // The whole text fits in the first.
  assert.ok((bytes[0] ?? 0) < (bytes[1] ?? 0));
  assert.equal(bytes[1], bytes[2]);
  assert.ok((bytes[1] ?? 0) < plan(path, { context: 1400 }).shares.kv);
  const chosen = plan(path, { kv: { window } });
  assert.deepEqual([chosen.context, chosen.shares.kv], [2 ** 20, bytes[1]]);
});

test('layers with a window of their own keep no more than that shows, nor than the others do, and no sinks', () => {
  const gemma = written({ architecture: 'gemma3', window: { tokens: 300, pattern: 6 } });
  const kv = (options: Partial<PlanOptions>): number => plan(gemma, options).shares.kv / (2 * 2 * 2 * 16);
  // Of six layers five have the model's window: 300 tokens and a pass of 64, in groups of 256.
  assert.equal(kv({ context: 4096 }), 5 * 512 + 4096);
  // A copy of the sinks stands behind, and two of float32 beside it.
  const sinks = (count: number): number => 2 * count + 2 * count;
  assert.equal(kv({ kv: { window } }), 5 * 512 + 1280 + sinks(4));
  assert.equal(kv({ kv: { window: { tokens: 100, sinks: 8 } } }), 6 * 256 + sinks(8));
});

test('a window shows no more than the model was trained for; without one the context has that limit', () => {
  const path = written();
  const refuses = (options: Partial<PlanOptions>, message: RegExp): void =>
    assert.throws(
      () => plan(path, options),
      (error) => error instanceof EngineError && message.test(error.message),
    );
  refuses({ context: 4097 }, /4097 tokens is more than the 4096/);
  refuses({ kv: { window: { tokens: 4093, sinks: 4 } } }, /window 4097 is not valid.*4096/);
  refuses({ kv: { window: { tokens: 0, sinks: 4 } } }, /window 0 is not valid/);
  refuses({ kv: { window: { tokens: 10, sinks: -1 } } }, /sinks -1 is not valid/);
  refuses({ kv: { window }, context: 2 ** 20 + 1 }, /context 1048577 is not valid/);
  plan(path, { kv: { window: { tokens: 4092, sinks: 4 } }, context: 2 ** 20 });
});

test('a model with factors for short and long reaches is planned with those of its window', () => {
  const rope = { scaling: 'longrope', factors: 'long-short', originalContext: 2048 } as const;
  const path = written({ architecture: 'phi3', rope });
  const factors = (options: Partial<PlanOptions>): readonly string[] =>
    plan(path, options).slices.flatMap(({ weight: { name } }) => (name.startsWith('rope_') ? [name] : []));
  assert.deepEqual(factors({ context: 2048 }), ['rope_factors_short.weight']);
  assert.deepEqual(factors({ context: 4096 }), ['rope_factors_long.weight']);
  assert.deepEqual(factors({ kv: { window } }), ['rope_factors_short.weight']);
  assert.deepEqual(factors({ kv: { window: { tokens: 2040, sinks: 4 } } }), ['rope_factors_long.weight']);
});

test('a draft model has the same window as far as it was trained for it, and without room for one a context', () => {
  const path = written();
  const draftOf = (context: number): Plan | undefined =>
    plan(path, { kv: { window: { tokens: 1000, sinks: 100 } }, ahead: 4, draft: openOutline(written({ context })) })
      .draft;
  for (const [trained, tokens] of [
    [4096, 1000],
    [512, 412],
  ] as const) {
    assert.deepEqual(draftOf(trained)?.window, { tokens, sinks: 100 });
    assert.equal(draftOf(trained)?.context, 2 ** 20);
  }
  assert.deepEqual([draftOf(100)?.window, draftOf(100)?.context], [undefined, 100]);
});
