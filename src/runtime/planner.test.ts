import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import type { RandomModelSpec } from '../../bench/random-model.ts';
import { thrown } from '../../test/support/engine-error.ts';
import { writeRandom } from '../../test/support/model-files.ts';
import { planFor } from '../../test/support/open-model.ts';
import { shared } from '../../test/support/shared.ts';
import { sharedFolder } from '../../test/support/temp-folder.ts';
import { EngineError } from '../base/errors.ts';
import { CpuDevice } from '../ggml/cpu-device.ts';
import { isTooSmall } from '../plan/kv-homes.ts';
import { type Plan, planBytes } from '../plan/plan.ts';
import { openOutline } from './model-outline.ts';
import { layoutLookup, type PlanOptions, planModel } from './planner.ts';

const folder = sharedFolder();
const device = shared(new CpuDevice(1));

let files = 0;
function written(spec: Partial<RandomModelSpec> = {}): string {
  const sizes = { layers: 6, width: 64, heads: 4, kvHeads: 2, feedForward: 96, vocabulary: 50, context: 4096 };
  return writeRandom(folder.file(`${files++}.gguf`), { architecture: 'llama', ...sizes, ...spec });
}

const plan = (path: string, options: Partial<PlanOptions>): Plan =>
  planFor(device, openOutline(path), { budget: 2 ** 30, ...options });

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
  // Five of six layers have the model's window: 300 tokens and a pass of 64, in groups of 256.
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
  refuses({ kv: { window: { tokens: 4093, sinks: 4 } } }, /kv.window.tokens 4093 is not valid.*4 sinks.*4096/);
  refuses({ kv: { window: { tokens: 0, sinks: 4 } } }, /kv.window.tokens 0 is not valid/);
  refuses({ kv: { window: { tokens: 10, sinks: -1 } } }, /kv.window.sinks -1 is not valid/);
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

const MiB = 2 ** 20;
const models = [
  openOutline(written()),
  openOutline(written({ layers: 2, vocabulary: 4000, width: 128, context: 512 })),
  openOutline(written({ architecture: 'gemma3', window: { tokens: 300, pattern: 6 } })),
];
const draft = openOutline(written({ layers: 1 }));

/** Options as somebody may give them: all that a plan's size depends on. */
const anyOptions: fc.Arbitrary<Omit<PlanOptions, 'budget'>> = fc.record(
  {
    runtime: fc.integer({ min: 0, max: 200 * MiB }),
    kernels: fc.constantFrom('auto', 'plain'),
    context: fc.integer({ min: 1, max: 512 }),
    kv: fc.record({
      type: fc.constantFrom('f16', 'q8_0'),
      home: fc.constantFrom('auto', 'ram'),
      window: fc.option(fc.constant({ tokens: 100, sinks: 4 }), { nil: undefined }),
    }),
    parallel: fc.oneof(fc.constant('auto' as const), fc.integer({ min: 1, max: 5 })),
    promptCache: fc.oneof(fc.constant('auto' as const), fc.integer({ min: 0, max: 100 * MiB })),
    ahead: fc.integer({ min: 0, max: 8 }),
    draft: fc.constant(draft),
    tokens: fc.record({ prompt: fc.integer({ min: 1, max: 400 }), answer: fc.integer({ min: 0, max: 400 }) }),
  },
  { requiredKeys: ['runtime', 'kernels'] },
);

/** The figures of an error for a budget in which nothing fits. */
const refused = (planned: () => Plan): EngineError<'BUDGET_TOO_SMALL'>['details'] =>
  thrown('BUDGET_TOO_SMALL', planned).details;

test('the smallest budget that an error names works, whatever was asked for, and is the same for every budget', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...models),
      anyOptions,
      fc.double({ min: 0, max: 1, noNaN: true }),
      (model, any, part) => {
        // Heads of 16 elements are no whole blocks of q8_0.
        const options =
          any.kv?.type === 'q8_0' && model !== models[1] ? { ...any, kv: { ...any.kv, type: 'f16' } } : any;
        const planned = (budget: number): Plan =>
          planModel(model, device, layoutLookup(device, options.kernels), { ...options, budget } as PlanOptions);
        const { needed, parts } = refused(() => planned(1));
        assert.equal(
          Object.values(parts).reduce((a, b) => a + b, 0),
          needed,
        );
        assert.ok(planBytes(planned(needed)) <= needed);
        // A budget smaller by this much works, too, or is refused with the same figure.
        const less = Math.floor(part * needed);
        try {
          planned(less);
        } catch (error) {
          assert.ok(isTooSmall(error) && error.details.needed === needed);
        }
        planned(needed + Math.floor(part * 100 * MiB));
      },
    ),
    { numRuns: 60 },
  );
});

test('tokens are counted beside their keys and values, for each sequence, and more where it drafts', () => {
  const path = written({ context: 2 ** 17 });
  const runtime = (options: Partial<PlanOptions>): number => plan(path, { budget: 2 ** 34, ...options }).shares.runtime;
  const context = 2 ** 17;
  const one = runtime({ context });
  assert.equal(one, (12 + 24) * context);
  assert.equal(runtime({ context, parallel: 4 }), (4 * 12 + 24) * context);
  assert.equal(runtime({ context: context / 2, parallel: 4 }), (4 * 12 + 24) * (context / 2));
  assert.ok(runtime({ context, ahead: 4 }) > one);
  const window = { tokens: 100, sinks: 4 };
  assert.equal(runtime({ context, kv: { window } }), one, 'a window forgets keys and values, and no tokens');
});

test('a text on a window may grow to a million tokens where there is room for them, and to 65536 anywhere', () => {
  const path = written();
  const window = { tokens: 100, sinks: 4 };
  const context = (budget: number, parallel = 1): number => plan(path, { budget, parallel, kv: { window } }).context;
  assert.equal(context(2 ** 30), 2 ** 20);
  const { needed } = refused(() => plan(path, { budget: 1, kv: { window } }));
  const lengths = [0, 64, 128, 256, 512, 1024].map((more) => context(needed + more * MiB));
  assert.deepEqual(
    lengths,
    lengths.toSorted((a, b) => a - b),
  );
  assert.deepEqual([lengths[0], lengths.at(-1)], [2 ** 16, 2 ** 20]);
  assert.ok(context(2 ** 30, 32) < 2 ** 20);
});

test('a prompt cache of a given size leaves as much for everything else, or is refused', () => {
  const path = written();
  const cache = 40 * MiB;
  const { needed, parts } = refused(() => plan(path, { budget: 70 * MiB, promptCache: cache }));
  assert.equal(parts['prompt cache'], cache);
  assert.ok(needed >= 2 * cache);
  assert.equal(plan(path, { budget: needed, promptCache: cache }).promptCache, cache);
  refused(() => plan(path, { budget: 300 * MiB, promptCache: 100 * 2 ** 30 }));
  assert.ok(plan(path, { budget: 70 * MiB, promptCache: 'auto' }).promptCache > 0);
  assert.throws(
    () => plan(path, { promptCache: cache, kv: { home: 'ssd' } }),
    /promptCache.bytes 41943040 is not valid/,
  );
});

test('memory that no weight takes goes to keys and values of chosen contexts, and batches stay as large', () => {
  const path = written({ layers: 12 });
  const whole = plan(path, { context: 256, parallel: 8 });
  for (const parallel of [1, 8, 'auto'] as const) {
    const [tight, roomy] = [0, 8 * MiB].map((more) => plan(path, { parallel, budget: planBytes(whole) + more }));
    assert.ok(tight && roomy && roomy.context * roomy.parallel > tight.context * tight.parallel);
    for (const one of [tight, roomy]) {
      assert.deepEqual([one.streamed.length, one.kvHomes, one.batch], [0, undefined, whole.batch]);
      const twice = { context: 2 * one.context, parallel: one.parallel, budget: 2 ** 30 };
      assert.ok(
        one.context === 4096 || planBytes(plan(path, twice)) > one.budget,
        'there is no room for twice as many',
      );
    }
  }
});
