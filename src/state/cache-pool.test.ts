import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { anyText, assertHolds, fill, kvCache, smallShape, textOf } from '../../test/support/caches.ts';
import { deferred } from '../../test/support/deferred.ts';
import { rounds } from '../../test/support/rounds.ts';
import { shared } from '../../test/support/shared.ts';
import { tempFolder } from '../../test/support/temp-folder.ts';
import { Disposer } from '../base/disposer.ts';
import { pageBytes } from '../ggml/system.ts';
import { CachePool, type CachePoolOptions, scratchState } from './cache-pool.ts';
import { kvForm } from './kv-shape.ts';
import type { PrefixStore } from './prefix.ts';
import { PrefixFiles } from './prefix-files.ts';
import { PrefixMemory } from './prefix-memory.ts';
import type { SequenceCache } from './sequence-cache.ts';

const shape = smallShape(256);
const disposer = shared(new Disposer());

/** Slots, with a text in each of the first ones. */
function slotsWith(
  places: number,
  texts: readonly (readonly number[])[],
  options: Partial<CachePoolOptions> = {},
): CachePool {
  const all = Array.from({ length: places }, () => disposer.use(kvCache(shape)));
  for (const [i, text] of texts.entries()) fill(all[i] ?? assert.fail(), text, text.length - (text.length % 64));
  return new CachePool(all, { stores: [], exactBatch: undefined, ...options });
}

const memory = (pages = 16): PrefixMemory => disposer.use(new PrefixMemory(pages * pageBytes));

/** A store that is empty, and records the calls. */
const store = (more: Partial<PrefixStore>): PrefixStore => ({
  longestMatch: () => undefined,
  save: () => Promise.resolve(),
  ...more,
});

test('a prompt goes to the cache that has most of it, all but its last token at most', async () => {
  const caches = slotsWith(3, [textOf(1, 50), textOf(2, 50), textOf(2, 20)]);
  for (const [prompt, place, cached] of [
    [[...textOf(2, 40), 7, 7], 1, 40],
    [textOf(1, 60), 0, 50],
    [textOf(1, 50), 0, 49],
    [textOf(1, 30), 0, 29],
    [textOf(1, 1), 2, 0],
  ] as const) {
    const taken = await caches.acquire(prompt);
    assert.deepEqual([caches.all.indexOf(taken.cache), taken.cached], [place, cached]);
    assertHolds(taken.cache, prompt.slice(0, cached));
    await caches.release(taken.cache);
    fill(taken.cache, place === 2 ? textOf(2, 20) : textOf(place + 1, 50));
  }
});

test('a prompt that has nothing in common with any cache goes to the one left alone for longest', async () => {
  const caches = slotsWith(3, []);
  const places: number[] = [];
  for (let seed = 1; seed <= 7; seed += 1) {
    const { cache, cached } = await caches.acquire(textOf(seed, 40));
    assert.equal(cached, 0);
    fill(cache, textOf(seed, 40));
    places.push(caches.all.indexOf(cache));
    await caches.release(cache);
  }
  assert.deepEqual(places, [0, 1, 2, 0, 1, 2, 0]);
});

test('a cache in use is not given away, whatever it holds', async () => {
  const caches = slotsWith(2, [textOf(1, 50)]);
  const first = await caches.acquire(textOf(1, 60));
  const second = await caches.acquire(textOf(1, 60));
  assert.notEqual(first.cache, second.cache);
  assert.deepEqual([first.cached, second.cached, caches.free], [50, 0, false]);
  await caches.release(first.cache);
  assert.equal(caches.free, true);
  assert.equal((await caches.acquire(textOf(2, 60))).cache, first.cache);
});

test('a cache is free once what it holds is kept where it outlives the process', async () => {
  const caches = slotsWith(1, []);
  const { cache } = await caches.acquire([1]);
  const { promise: kept, resolve: end } = deferred();
  const released = caches.release(
    cache,
    store({ save: (given) => (given === cache ? kept : assert.fail('another cache')) }),
  );
  assert.equal(caches.free, false);
  end();
  await released;
  assert.equal(caches.free, true);
});

test('what a cache loses goes to the first store, and comes back from there', async () => {
  const caches = slotsWith(1, [], { stores: [memory()] });
  for (const round of [1, 2, 3]) {
    for (const seed of [1, 2, 3]) {
      const prompt = textOf(seed, 40 * round + 10);
      const { cache, cached } = await caches.acquire(prompt);
      assert.equal(cached, 40 * (round - 1));
      assertHolds(cache, prompt.slice(0, cached));
      fill(cache, textOf(seed, 40 * round));
      await caches.release(cache);
    }
  }
});

test('what a cache holds is not kept elsewhere as long as it goes on, nor looked for where little is to be gained', async () => {
  const save = (): never => assert.fail('nothing is lost');
  const found = { length: 60, exact: 0, written: 60, restore: (): never => assert.fail('it has next to nothing more') };
  const caches = slotsWith(1, [textOf(1, 50)], { stores: [store({ save, longestMatch: () => found })] });
  assert.equal((await caches.acquire(textOf(1, 70))).cached, 50);
});

test('a copy goes to the cache left alone for longest, not to one that has a little in common', async () => {
  const copies = memory();
  const caches = slotsWith(2, [], { stores: [copies] });
  const long = textOf(1, 100);
  const greeting = [...textOf(1, 20), 7, ...textOf(3, 50)];
  for (const text of [long, textOf(2, 50), textOf(4, 50), greeting]) {
    const { cache } = await caches.acquire(text);
    fill(cache, text);
    await caches.release(cache);
  }
  const { cache, cached } = await caches.acquire([...long, 5]);
  assert.equal(cached, 100);
  assertHolds(cache, long);
  assert.deepEqual(
    caches.all.map(({ tokens }) => tokens.length),
    [100, greeting.length],
  );
});

test('a copy that cannot be had after all leaves nothing that was not computed', async () => {
  const text = textOf(1, 50);
  const untouched = { length: 90, exact: 0, written: 90, restore: () => Promise.resolve(false) };
  const torn = {
    ...untouched,
    restore: (cache: SequenceCache) => {
      cache.truncate(0);
      return Promise.resolve(false);
    },
  };
  for (const [found, cached] of [
    [untouched, 50],
    [torn, 0],
  ] as const) {
    const caches = slotsWith(1, [text], { stores: [store({ longestMatch: () => found })] });
    const taken = await caches.acquire(textOf(1, 100));
    assert.equal(taken.cached, cached);
    assertHolds(taken.cache, text.slice(0, cached));
  }
});

test('a copy that makes room for the cache that it was to go to is not restored', async () => {
  const copies = memory(1);
  const caches = slotsWith(1, [textOf(2, 60)], { stores: [copies] });
  const other = disposer.use(kvCache(shape));
  fill(other, textOf(1, 60));
  await copies.save(other);
  const { cache, cached } = await caches.acquire(textOf(1, 70));
  assertHolds(cache, textOf(1, cached));
});

test('where prompts are divided alike, they are reused by whole batches that were computed as such', async () => {
  const exactBatch = 64;
  for (const [held, exact, length, cached] of [
    [200, 192, 200, 192],
    [200, 192, 192, 128],
    [200, 192, 193, 192],
    [200, 128, 200, 128],
    [200, 64, 65, 64],
    [200, 192, 64, 0],
    [60, 0, 200, 0],
  ] as const) {
    const caches = slotsWith(1, [], { exactBatch });
    fill(caches.all[0] ?? assert.fail(), textOf(1, held), exact);
    const taken = await caches.acquire(textOf(1, length));
    assert.equal(taken.cached, cached);
    assertHolds(taken.cache, textOf(1, cached));
    assert.equal(taken.cache.exact, cached);
  }
});

test('whoever comes and goes, what a cache is said to hold of a prompt it holds', async () => {
  using folder = tempFolder();
  const anyVisit = fc.record({ prompt: fc.nat(200).chain((n) => anyText(n + 1)), answer: fc.nat(50), stay: fc.nat(4) });
  const anyHouse = fc.record({
    places: fc.integer({ min: 1, max: 4 }),
    pages: fc.nat(6),
    exactBatch: fc.constantFrom(undefined, 16),
    files: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(anyHouse, fc.array(anyVisit, { maxLength: 25 }), async (house, visits) => {
      const { places, pages, exactBatch, files } = house;
      using copies = new PrefixMemory(pages * pageBytes);
      const identity = JSON.stringify(house);
      const options = { identity, form: kvForm(shape), capacity: 60_000, warn: assert.fail };
      const folders = files ? await PrefixFiles.open(folder.path, options) : undefined;
      const caches = slotsWith(places, [], { stores: [copies, ...(folders ? [folders] : [])], exactBatch });
      const guests: { cache: SequenceCache; leaves: number }[] = [];
      for (const [time, { prompt, answer, stay }] of visits.entries()) {
        const leaving = guests.filter(({ leaves }) => leaves <= time || !caches.free);
        for (const guest of leaving) {
          guests.splice(guests.indexOf(guest), 1);
          await caches.release(guest.cache, folders);
        }
        const { cache, cached } = await caches.acquire(prompt);
        assert.ok(cached < prompt.length && cached % (exactBatch ?? 1) === 0);
        assertHolds(cache, prompt.slice(0, cached));
        assert.ok(guests.every((guest) => guest.cache !== cache));
        const whole = [...prompt, ...textOf(answer, answer)].slice(0, shape.context);
        const exact = exactBatch ? prompt.length - (prompt.length % exactBatch) : 0;
        fill(cache, whole, exact);
        guests.push({ cache, leaves: time + stay });
      }
      for (const { cache } of guests) await caches.release(cache, folders);
    }),
    { numRuns: rounds(25, 60) },
  );
});

test('a cache that was measured on holds nothing afterwards', () => {
  const caches = slotsWith(2, [textOf(1, 50), textOf(2, 50)]);
  assert.equal(scratchState(caches), caches.all[0]?.state);
  assert.equal(caches.all[0]?.tokens.length, 0);
});

test('a text counts only where it was computed with the same scales of adapters, in caches and in stores', async () => {
  const copies = memory(64);
  const caches = slotsWith(2, [], { stores: [copies] });
  const text = textOf(1, 100);
  const compute = async (scales?: readonly number[]): Promise<number> => {
    const { cache, cached } = await caches.acquire(text, scales);
    assert.deepEqual(cache.state.scales, scales);
    assertHolds(cache, text.slice(0, cached));
    fill(cache, text);
    await caches.release(cache);
    return cached;
  };
  assert.deepEqual([await compute(), await compute([1, 0]), await compute([2, 0])], [0, 0, 0]);
  // The cache of the first one was taken, and its text kept.
  assert.deepEqual([await compute(), await compute([1, 0]), await compute([2, 0])], [99, 99, 99]);
});

test('a text with scales of its own is in no file', async () => {
  const saved: (readonly number[] | undefined)[] = [];
  const files = store({ save: async ({ scales }) => void saved.push(scales) });
  const caches = slotsWith(1, []);
  for (const scales of [[1], undefined]) {
    const { cache } = await caches.acquire(textOf(1, 50), scales);
    await caches.release(cache, files);
  }
  assert.deepEqual(saved, [undefined]);
});
