import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import type { RandomModelSpec } from '../bench/random-model.ts';
import { EngineError } from '../src/base/errors.ts';
import { kvTypes } from '../src/plan/kv-options.ts';
import { openTwin, type Twin, type TwinOptions } from './support/kv-twins.ts';
import { writeRandom } from './support/model-files.ts';
import { rounds } from './support/rounds.ts';
import { sharedFolder } from './support/temp-folder.ts';

const folder = sharedFolder();
const layers = 3;
const spec: RandomModelSpec = {
  architecture: 'llama',
  layers,
  width: 128,
  heads: 2,
  kvHeads: 2,
  // A unit is full after 64, 120 or 227 tokens, by type.
  keyLength: 128,
  feedForward: 64,
  vocabulary: 97,
};
const path = writeRandom(folder.file('model.gguf'), spec);
/** Some of its layers have a window of their own. */
const windowed = writeRandom(folder.file('gemma3.gguf'), {
  ...spec,
  architecture: 'gemma3',
  window: { tokens: 40, pattern: 2 },
});

const textOf = (seed: number, length: number): number[] =>
  Array.from({ length }, (_, i) => (i * 31 + seed * 7 + i * i) % spec.vocabulary);

/** A step of a text: tokens are added, and some of them taken back; or the pass over them fails on the way. */
interface Step {
  readonly tokens: number;
  /** Thousandths of the tokens then there that are taken back; or only the last few tokens. */
  readonly back: number | undefined;
  readonly few: number;
  /** The read, or the write, of the pass that fails. */
  readonly failing: { readonly what: 'Read' | 'Write'; readonly after: number } | undefined;
}

const anyStep = (most: number): fc.Arbitrary<Step> =>
  fc.record({
    tokens: fc.oneof(
      { weight: 2, arbitrary: fc.constantFrom(1, most) },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: most }) },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: 9 }) },
    ),
    back: fc.option(fc.nat(1000), { nil: undefined, freq: 8 }),
    few: fc.constantFrom(0, 0, 0, 1, 5, 30),
    failing: fc.option(fc.record({ what: fc.constantFrom('Read', 'Write'), after: fc.nat(12) }), {
      nil: undefined,
      freq: 6,
    }),
  });

/** Takes both through the steps. Fails where their logits differ in a bit. */
async function assertAlike(ram: Twin, ssd: Twin, steps: readonly Step[], context: number): Promise<void> {
  let seed = 0;
  for (const { tokens, back, few, failing } of steps) {
    const start = ram.cache.tokens.length;
    const text = textOf(++seed, Math.min(tokens, context - start));
    if (text.length > 0) {
      if (failing) ssd.spy.fail(failing.what, failing.after);
      const failed = await ssd.pass(text).then(
        (logits) => ({ logits }),
        (error: unknown) => ({ error }),
      );
      if ('error' in failed) {
        assert.ok(failed.error instanceof EngineError, `${failed.error}`);
        ram.cache.begin(text.length);
        // Tokens that were not written are lost.
        if (failed.error.code === 'WRITE_FAILED') for (const { cache } of [ram, ssd]) cache.truncate(0);
      } else assert.deepEqual(failed.logits, await ram.pass(text), `after ${start} tokens, ${text.length} more`);
    }
    const now = ram.cache.tokens.length;
    const length = Math.max(0, back === undefined ? now - few : Math.floor((now * back) / 1000));
    const kept = ram.cache.reachable(length);
    for (const { cache } of [ram, ssd]) if (kept < now) cache.truncate(kept);
    assert.deepEqual([ssd.cache.tokens.length, ssd.cache.written], [ram.cache.tokens.length, ram.cache.written]);
  }
  ssd.spy.assertNoRaces();
}

const anyHomes = fc
  .array(fc.constantFrom('ssd', 'ssd', 'ram'), { minLength: layers, maxLength: layers })
  .filter((homes) => homes.includes('ssd'));

async function isAlike(model: string, options: TwinOptions, steps: readonly Step[]): Promise<void> {
  await using ram = await openTwin(model, { ...options, homes: undefined });
  await using ssd = await openTwin(model, { ...options, folder: folder.path, spy: { delay: 1 } });
  await assertAlike(ram, ssd, steps, options.context);
}

test('keys and values on the SSD are those in memory, bit for bit, however a text grows, shrinks and fails', async () => {
  const anyCase = fc.record({
    model: fc.constantFrom(path, windowed),
    context: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.constantFrom(256, 512, 700)),
    batch: fc.constantFrom(64, 512),
    type: fc.constantFrom(...kvTypes),
    homes: anyHomes,
  });
  const steps = fc.array(anyStep(300), { minLength: 3, maxLength: 14 });
  await fc.assert(
    fc.asyncProperty(anyCase, steps, ({ model, ...options }, steps) => isAlike(model, options, steps)),
    { numRuns: rounds(10, 20), includeErrorInReport: true },
  );
});

test('and so they are behind a window, around the ring and as the sinks follow', async () => {
  const anyCase = fc.record({
    window: fc.record({ tokens: fc.constantFrom(1, 60, 192, 250), sinks: fc.constantFrom(0, 1, 4, 70) }),
    batch: fc.constantFrom(16, 64, 256),
    type: fc.constantFrom(...kvTypes),
    homes: anyHomes,
  });
  const steps = fc.array(anyStep(64), { minLength: 20, maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(anyCase, steps, (options, steps) => {
      const fitting = steps.map((step) => ({ ...step, tokens: Math.min(step.tokens, options.batch) }));
      return isAlike(path, { ...options, context: 3000 }, fitting);
    }),
    { numRuns: rounds(6, 12), includeErrorInReport: true },
  );
});

test('drafts taken back where the ring ends and the sinks follow leave the sinks where they were', async () => {
  const plain = { back: undefined, failing: undefined };
  // The sinks follow for the second time at token 1539, the ring ends for the second time before token 1540.
  const steps = [
    ...Array.from({ length: 24 }, () => ({ ...plain, tokens: 64, few: 0 })),
    ...Array.from({ length: 9 }, () => [
      { ...plain, tokens: 8, few: 8 },
      { ...plain, tokens: 1, few: 0 },
    ]).flat(),
    ...Array.from({ length: 3 }, () => ({ ...plain, tokens: 64, few: 0 })),
  ];
  for (const sinks of [1, 4]) {
    const options = { window: { tokens: 512, sinks }, batch: 64, homes: Array(layers).fill('ssd' as const) };
    await isAlike(path, { ...options, context: 3000 }, steps);
  }
});

/** Most of it streams. */
const large = writeRandom(folder.file('large.gguf'), {
  ...spec,
  width: 256,
  keyLength: 256,
  feedForward: 1024,
  layers: 4,
  type: 'q8_0',
});

test('a pass that is given up between two steps, while a layer is written, leaves what was there before', async () => {
  // All of it is read each time, so that the ring holds two layers.
  const options = { context: 256, batch: 64, budget: 5.5 * 2 ** 20 };
  await using ram = await openTwin(large, { ...options, homes: undefined });
  await using ssd = await openTwin(large, {
    ...options,
    homes: Array(4).fill('ssd' as const),
    folder: folder.path,
    spy: { delay: 9 },
  });
  assert.ok(ssd.runtime.plan.bytesPerPass > 0, 'weights stream');
  for (let i = 0; i < 7; i += 1) {
    const giveUp = new AbortController();
    let steps = 0;
    const onStep = (): void => {
      if (steps++ === 2 * i) giveUp.abort();
    };
    const text = textOf(i, 36);
    await assert.rejects(ssd.pass(text, { signal: giveUp.signal, onStep }), { name: 'AbortError' });
    const [expected, actual] = [await ram.pass(text), await ssd.pass(text)];
    assert.deepEqual(actual, expected, `after ${i} passes`);
  }
  ssd.spy.assertNoRaces();
});

test('a write that fails while its pass is given up is told of: what it was to keep is lost', async () => {
  const options = { context: 256, budget: 5.5 * 2 ** 20, homes: Array(4).fill('ssd' as const), folder: folder.path };
  await using ssd = await openTwin(large, options);
  for (const after of [0, 1, 3]) {
    ssd.cache.truncate(0);
    await ssd.pass(textOf(1, 20));
    ssd.spy.fail('Write', after);
    const giveUp = new AbortController();
    const onStep = (): void => {
      if (ssd.spy.writes >= ssd.spy.failingWrite) giveUp.abort();
    };
    await assert.rejects(ssd.pass(textOf(2, 40), { signal: giveUp.signal, onStep }), { code: 'WRITE_FAILED' });
  }
});
