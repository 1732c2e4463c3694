import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import type { ArchitectureName, RandomModelSpec } from '../bench/random-model.ts';
import { nmse } from '../src/base/nmse.ts';
import { type KvOptions, type KvType, kvTypes, type Window } from '../src/plan/kv-options.ts';
import { PrefixMemory } from '../src/state/prefix-memory.ts';
import { writeRandom } from './support/model-files.ts';
import { openRuntime, type TestRuntime } from './support/open-model.ts';
import { Passes } from './support/passes.ts';
import { rounds } from './support/rounds.ts';
import { sharedFolder } from './support/temp-folder.ts';

const vocabulary = 60;
const shape = { layers: 2, width: 128, heads: 2, kvHeads: 2, feedForward: 96, vocabulary } as const;
const architectures = ['llama', 'qwen3', 'phi3', 'gemma3'] as const;

const folder = sharedFolder();

function written(architecture: ArchitectureName, more: Partial<RandomModelSpec> = {}): string {
  const path = writeRandom(folder.file(`${architecture} ${more.layers ?? ''}`), { architecture, ...shape, ...more });
  return path;
}
const gemmaWindow = { window: { tokens: 37, pattern: 2 } };
const paths = new Map(architectures.map((name) => [name, written(name, name === 'gemma3' ? gemmaWindow : {})]));
/** Passes of 512 tokens at most are planned for, and all weights are resident as they are in the file. */
const open = (path: string | undefined, kv: KvOptions, context = 2 ** 20): Promise<TestRuntime> =>
  openRuntime(path ?? assert.fail(), { context, kernels: 'auto', kv });

const tokensOf = (seed: number, length: number): readonly number[] =>
  Array.from({ length }, (_, i) => (37 * i + i * i * (1 + (seed % 7)) + 11 * seed) % vocabulary);

/** Kernels round alike for so many tokens at once. */
const anyPass = fc.integer({ min: 4, max: 63 });
const anyKind = fc.record({
  architecture: fc.constantFrom(...architectures),
  type: fc.constantFrom(...kvTypes),
  seed: fc.nat(1000),
});

/** Wider, with its sinks, than the windows of some layers of the model, and narrower without. */
const narrowest = {
  kind: { architecture: 'gemma3', type: 'f16', seed: 1 },
  length: 42,
  sinks: 9,
  beyond: 0,
  pass: 8,
} as const;

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
    { numRuns: rounds(4, 20), examples: [[narrowest]] },
  );
});

/** Events in a text: a pass, a draft that is accepted in part, trimming, a pass that fails, being restored. */
type Kind = 'pass' | 'draft' | 'back' | 'failure' | 'copy';
interface Event {
  readonly kind: Kind;
  readonly tokens: number;
  readonly kept: number;
}
const events = (...kinds: readonly Kind[]): fc.Arbitrary<Event[]> =>
  fc.array(fc.record({ kind: fc.constantFrom(...kinds), tokens: anyPass, kept: fc.nat(62) }), {
    minLength: 40,
    maxLength: 50,
  });
const usual = Array<Kind>(10).fill('pass').concat('draft', 'draft', 'back');

/** Lets it happen to the text `ids`, of which some are stored. Gives the logits after tokens of it, by their place. */
async function happen(
  passes: Passes,
  ids: readonly number[],
  { kind, tokens, kept }: Event,
): Promise<readonly (readonly [number, Float32Array])[]> {
  const { cache } = passes;
  const start = cache.tokens.length;
  const wrong = tokensOf(999, tokens);
  switch (kind) {
    case 'draft': {
      const right = Math.min(kept, tokens - 1);
      const rows = await passes.take([...ids.slice(start, start + right), ...wrong.slice(right)]);
      cache.truncate(start + right);
      return rows.slice(0, right).map((row, i) => [start + i, row] as const);
    }
    case 'failure':
      await passes.fail(wrong);
      return [];
    case 'back': {
      const length = Math.max(0, start - 4 * kept);
      if (cache.reachable(length) === length) cache.truncate(length);
      return [];
    }
    case 'copy': {
      const before = [...cache.tokens];
      using memory = new PrefixMemory(2 ** 24);
      await memory.save(cache);
      const found = memory.longestMatch(before);
      if (!found) return [];
      cache.truncate(0);
      await passes.takeAll(tokensOf(997, 800), 60);
      assert.ok(await found.restore(cache, start));
      return [];
    }
    default: {
      const rows = await passes.take(ids.slice(start, start + tokens));
      return rows.map((row, i) => [start + i, row] as const);
    }
  }
}

test('however passes are cut, drafts taken back and places used again, logits are the same bits', async () => {
  const anyCase = fc.record({
    kind: anyKind,
    window: fc.record({ tokens: fc.integer({ min: 1, max: 250 }), sinks: fc.nat(9) }),
    before: fc.nat(12),
    events: fc.oneof(events(...usual), events(...usual, 'failure', 'copy')),
  });
  const length = 1254;
  let followed = 0;
  await fc.assert(
    fc.asyncProperty(anyCase, async ({ kind: { architecture, type, seed }, window, before, events }) => {
      await using model = await open(paths.get(architecture), { type, window });
      const ids = tokensOf(seed, length);
      const expected = await new Passes(model).takeAll(ids, 33);
      const passes = new Passes(model);
      // Another text that begins alike, and ends where nothing has been overwritten yet.
      await passes.takeAll([...ids.slice(0, before), ...tokensOf(998, 700)], 60);
      passes.cache.truncate(before);
      for (const event of events) {
        if (passes.cache.tokens.length > length - 63) break;
        for (const [at, row] of await happen(passes, ids, event)) {
          assert.deepEqual(row, expected[at], `${event.kind}: other logits after token ${at}`);
          if (window.sinks > 0 && at > 512 + window.tokens + window.sinks) followed += 1;
        }
      }
    }),
    { numRuns: rounds(5, 10) },
  );
  assert.ok(followed > 400, `${followed} tokens saw sinks that had followed them`);
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

/** Models of one layer, where a token's logits depend on nothing but the tokens that it sees. */
const shallow = [
  { path: written('llama', { layers: 1 }), type: 'f16', tolerance: 1e-5 },
  // Rounding to blocks depends on the angle that a key is turned by.
  { path: written('qwen3', { layers: 1 }), type: 'q8_0', tolerance: 1e-3 },
  { path: written('phi3', { layers: 1 }), type: 'q4_0', tolerance: 3e-2 },
] as const;

/** Fails unless `logits` are what the model gives after nothing but `ids`. */
async function assertSees(
  { path, type, tolerance }: { path: string; type: KvType; tolerance: number },
  { logits, ids }: { logits: Float32Array | undefined; ids: readonly number[] },
): Promise<void> {
  await using whole = await open(path, { type }, 4096);
  const expected = (await new Passes(whole).takeAll(ids, 63)).at(-1) ?? assert.fail();
  const error = nmse(logits ?? assert.fail(), expected);
  assert.ok(error < tolerance, `an error of ${error} as ${type}`);
}

test('a token sees its window as if nothing had been before', async () => {
  for (const model of shallow) {
    for (const tokens of [1, 33, 200]) {
      await using windowed = await open(model.path, { type: model.type, window: { tokens, sinks: 0 } });
      const ids = tokensOf(tokens, 700);
      const rows = await new Passes(windowed).takeAll(ids, 50);
      for (const position of [201, 699]) {
        await assertSees(model, { logits: rows[position], ids: ids.slice(position + 1 - tokens, position + 1) });
      }
    }
  }
});

/** The position of the token whose window begins right behind its sinks, after so many steps. */
const besideSinks = ({ tokens, sinks }: Window, steps: number): number => sinks + 512 * steps + tokens - 1;

test('a token sees its sinks, which follow in steps, right before its window', async () => {
  const window = { tokens: 61, sinks: 5 };
  for (const model of shallow) {
    await using windowed = await open(model.path, { type: model.type, window });
    const ids = tokensOf(3, besideSinks(window, 3) + 1);
    const rows = await new Passes(windowed).takeAll(ids, 50);
    for (const steps of [0, 1, 2, 3]) {
      const position = besideSinks(window, steps);
      const seen = [...ids.slice(0, 5), ...ids.slice(position - 60, position + 1)];
      await assertSees(model, { logits: rows[position], ids: seen });
    }
  }
});

test('a million tokens on a window is what it was, but for the precision of positions', async () => {
  const window = { tokens: 61, sinks: 5 };
  for (const { path, type } of shallow) {
    await using windowed = await open(path, { type, window });
    const ids = tokensOf(3, 66);
    const passes = new Passes(windowed);
    await passes.take(ids.slice(0, 5));
    const far = besideSinks(window, 2 ** 11 - 1) - 60;
    assert.ok(far + 61 <= 2 ** 20 && far > 2 ** 20 - 600);
    const rows = await passes.jump(far, ids.slice(5));
    await assertSees({ path, type, tolerance: 3e-2 }, { logits: rows.at(-1), ids });
  }
});
