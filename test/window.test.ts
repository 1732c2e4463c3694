import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import fc from 'fast-check';
import { type ArchitectureName, type RandomModelSpec, writeRandomModel } from '../bench/random-model.ts';
import { type KvOptions, kvTypes, type Window } from '../src/plan/kv-choice.ts';
import { type LoadedModel, loadModel } from './support/load.ts';
import { nmse } from './support/logits.ts';
import { Passes } from './support/passes.ts';
import { tempFolder } from './support/temp-folder.ts';

const vocabulary = 60;
const shape = { layers: 2, width: 128, heads: 2, kvHeads: 2, feedForward: 96, vocabulary } as const;
const architectures = ['llama', 'qwen3', 'phi3', 'gemma3'] as const;

const folder = tempFolder();
after(() => folder[Symbol.dispose]());

function written(architecture: ArchitectureName, more: Partial<RandomModelSpec> = {}): string {
  const path = folder.file(`${architecture} ${more.layers ?? ''}`);
  writeRandomModel(path, { architecture, ...shape, ...more });
  return path;
}
const gemmaWindow = { window: { tokens: 37, pattern: 2 } };
const paths = new Map(architectures.map((name) => [name, written(name, name === 'gemma3' ? gemmaWindow : {})]));
const shallow = new Map(
  (['llama', 'qwen3', 'phi3'] as const).map((name) => [name, written(name, { layers: 1 })] as const),
);

/** Passes of 512 tokens at most are planned for, and all weights are resident as they are in the file. */
const open = (path: string | undefined, kv: KvOptions, context = 2 ** 20): Promise<LoadedModel> =>
  loadModel(path ?? assert.fail(), { context, kernels: 'auto', kv });

const tokensOf = (seed: number, length: number): readonly number[] =>
  Array.from({ length }, (_, i) => (37 * i + i * i * (1 + (seed % 7)) + 11 * seed) % vocabulary);

/** Kernels round alike for so many tokens at once. */
const anyPass = fc.integer({ min: 4, max: 63 });
const anyKind = fc.record({
  architecture: fc.constantFrom(...architectures),
  type: fc.constantFrom(...kvTypes),
  seed: fc.nat(1000),
});

test('a window that a text does not leave changes nothing, to the bit', async () => {
  const anyCase = fc.record({
    kind: anyKind,
    length: fc.integer({ min: 1, max: 400 }),
    sinks: fc.nat(9),
    beyond: fc.oneof(fc.constant(0), fc.nat(300)),
    pass: fc.integer({ min: 1, max: 80 }),
  });
  await fc.assert(
    fc.asyncProperty(anyCase, async ({ kind: { architecture, type, seed }, length, sinks, beyond, pass }) => {
      const path = paths.get(architecture);
      const ids = tokensOf(seed, length);
      const window = { tokens: Math.max(1, length - sinks + beyond), sinks };
      await using whole = await open(path, { type }, 4096);
      await using windowed = await open(path, { type, window });
      assert.notEqual(windowed.plan.window, undefined);
      const expected = await new Passes(whole).takeAll(ids, pass);
      assert.deepEqual(await new Passes(windowed).takeAll(ids, pass), expected);
    }),
    { numRuns: 20 },
  );
});

/** What may happen to a text: a pass, guesses of which some come true, a pass that fails, trimming, being restored. */
const anyEvent = fc.record({
  kind: fc.oneof(
    { weight: 8, arbitrary: fc.constant('pass' as const) },
    { weight: 2, arbitrary: fc.constant('guess' as const) },
    { weight: 2, arbitrary: fc.constantFrom('failure' as const, 'back' as const, 'copy' as const) },
  ),
  tokens: anyPass,
  kept: fc.nat(62),
});
type Event = typeof anyEvent extends fc.Arbitrary<infer T> ? T : never;

/** Lets it happen to the text `ids`, of which some are stored. Gives the logits after tokens of it, by their place. */
async function happen(
  passes: Passes,
  ids: readonly number[],
  { kind, tokens, kept }: Event,
): Promise<readonly (readonly [number, Float32Array])[]> {
  const { slot } = passes;
  const start = slot.tokens.length;
  const wrong = tokensOf(999, tokens);
  switch (kind) {
    case 'guess': {
      const right = Math.min(kept, tokens - 1);
      const rows = await passes.take([...ids.slice(start, start + right), ...wrong.slice(right)]);
      slot.keep(start + right);
      return rows.slice(0, right).map((row, i) => [start + i, row] as const);
    }
    case 'failure':
      await passes.fail(wrong);
      return [];
    case 'back': {
      const length = Math.max(0, start - 4 * kept);
      if (slot.canTrim(length)) slot.keep(length);
      return [];
    }
    case 'copy':
      slot.hold([...slot.tokens], slot.exact, slot.written);
      return [];
    default: {
      const rows = await passes.take(ids.slice(start, start + tokens));
      return rows.map((row, i) => [start + i, row] as const);
    }
  }
}

test('however passes are cut, guesses taken back and places used again, logits are the same bits', async () => {
  const anyCase = fc.record({
    kind: anyKind,
    window: fc.record({ tokens: fc.integer({ min: 1, max: 250 }), sinks: fc.nat(9) }),
    before: fc.nat(12),
    events: fc.array(anyEvent, { minLength: 50, maxLength: 60 }),
  });
  const length = 1386;
  let followed = 0;
  await fc.assert(
    fc.asyncProperty(anyCase, async ({ kind: { architecture, type, seed }, window, before, events }) => {
      await using model = await open(paths.get(architecture), { type, window });
      const ids = tokensOf(seed, length);
      const expected = await new Passes(model).takeAll(ids, 33);
      const passes = new Passes(model);
      // Another text that begins alike, and ends where nothing has been overwritten yet.
      await passes.takeAll([...ids.slice(0, before), ...tokensOf(998, 700)], 60);
      passes.slot.keep(before);
      for (const event of events) {
        if (passes.slot.tokens.length > length - 63) break;
        for (const [at, row] of await happen(passes, ids, event)) {
          assert.deepEqual(row, expected[at], `${event.kind}: other logits after token ${at}`);
          if (window.sinks > 0 && at > 512 + window.tokens + window.sinks) followed += 1;
        }
      }
    }),
    { numRuns: 15 },
  );
  assert.ok(followed > 1000, `${followed} tokens saw sinks that had followed them`);
});

test('one token at a time and whole batches give the same logits but for rounding', async () => {
  for (const type of kvTypes) {
    await using model = await open(paths.get('llama'), { type, window: { tokens: 75, sinks: 3 } });
    const ids = tokensOf(5, 800);
    const expected = await new Passes(model).takeAll(ids, 33);
    const single = await new Passes(model).takeAll(ids, 1);
    const batches = await new Passes(model).takeAll(ids, 400);
    for (const rows of [single, batches]) {
      for (const [i, row] of rows.entries()) assert.ok(nmse(row, expected[i] ?? row) < 1e-4, `token ${i}, ${type}`);
    }
  }
});

/** Rounding to blocks depends on the angle that a key is turned by. */
const tolerance = { f16: 1e-5, q8_0: 1e-3, q4_0: 3e-2 };

/** Fails unless the last of `rows` is what a model of one layer gives after nothing but `ids`. */
async function assertSees(
  [, path]: readonly [string, string],
  { type, rows, ids }: { type: keyof typeof tolerance; rows: readonly Float32Array[]; ids: readonly number[] },
): Promise<void> {
  await using whole = await open(path, { type }, 4096);
  const expected = (await new Passes(whole).takeAll(ids, 63)).at(-1) ?? assert.fail();
  const error = nmse(rows.at(-1) ?? assert.fail(), expected);
  assert.ok(error < tolerance[type], `an error of ${error}, ${path}, ${type}`);
}

test('a token sees its window as if nothing had been before', async () => {
  for (const model of shallow) {
    for (const type of kvTypes) {
      for (const [tokens, position] of [
        [1, 30],
        [33, 600],
        [200, 457],
      ] as const) {
        await using windowed = await open(model[1], { type, window: { tokens, sinks: 0 } });
        const ids = tokensOf(tokens, position + 1);
        const rows = await new Passes(windowed).takeAll(ids, 50);
        await assertSees(model, { type, rows, ids: ids.slice(-tokens) });
      }
    }
  }
});

/** The position of the token whose window begins right behind its sinks, after so many steps. */
const besideSinks = ({ tokens, sinks }: Window, steps: number): number => sinks + 512 * steps + tokens - 1;

test('a token sees its sinks, which follow in steps, right before its window', async () => {
  for (const model of shallow) {
    for (const type of kvTypes) {
      const window = { tokens: 61, sinks: 5 };
      await using windowed = await open(model[1], { type, window });
      for (const steps of [0, 1, 2, 3]) {
        const ids = tokensOf(steps, besideSinks(window, steps) + 1);
        const rows = await new Passes(windowed).takeAll(ids, 50);
        const seen = [...ids.slice(0, 5), ...ids.slice(-61)];
        await assertSees(model, { type, rows, ids: seen });
      }
    }
  }
});

test('a million tokens on a window is what it was, but for the precision of positions', async () => {
  const window = { tokens: 61, sinks: 5 };
  for (const [, path] of shallow) {
    await using windowed = await open(path, { window });
    await using whole = await open(path, {}, 4096);
    const ids = tokensOf(3, 66);
    const passes = new Passes(windowed);
    await passes.take(ids.slice(0, 5));
    const far = besideSinks(window, 2 ** 11 - 1) - 60;
    assert.ok(far + 61 <= 2 ** 20 && far > 2 ** 20 - 600);
    const rows = await passes.jump(far, ids.slice(5));
    const expected = (await new Passes(whole).take(ids)).at(-1) ?? assert.fail();
    const error = nmse(rows.at(-1) ?? assert.fail(), expected);
    assert.ok(error < 1e-2, `an error of ${error}`);
  }
});
