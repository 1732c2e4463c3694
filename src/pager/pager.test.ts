import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { at } from '../base/at.ts';
import { ExpertCache } from '../plan/expert-cache.ts';
import { layRing } from '../plan/ring-segments.ts';
import type { Home, Lease, Need } from './block.ts';
import { Pager } from './pager.ts';
import { Ring } from './ring.ts';

const tick = (): Promise<void> => new Promise(setImmediate);
/** A home without blocks. */
const none = new Ring({ read: () => assert.fail('nothing is read') });
const residents = {
  loaded: true,
  lease: (): Promise<Lease> => assert.fail(),
  load: () => Promise.resolve(),
  stop: async (): Promise<void> => {},
};
const newPager = (): Pager => new Pager({ weightRing: none, kvRing: none, residents });

/** A home that remembers what happened to its blocks; what it brings is ready when it has been prepared. */
class MadeUpHome implements Home {
  readonly log: string[] = [];
  readonly held = new Map<number, 'in place' | 'ready'>();
  readonly #ticks: number;

  /** Blocks take so many ticks to come; 9 never does. */
  constructor(ticks: number) {
    this.#ticks = ticks;
  }

  async lease(blocks: readonly number[]): Promise<Lease> {
    for (let i = 0; i < this.#ticks; i += 1) await tick();
    if (blocks.includes(9)) throw new Error('bad sector');
    for (const block of blocks) this.held.set(block, 'in place');
    return {
      prepare: async () => {
        await tick();
        for (const block of blocks) this.held.set(block, 'ready');
      },
      [Symbol.dispose]: () => {
        for (const block of blocks) this.held.delete(block);
      },
    };
  }
}

const anyBlocks = fc.uniqueArray(fc.nat(9), { maxLength: 4 });
const anyHome = fc.record({ ticks: fc.nat(3), blocks: anyBlocks, later: fc.boolean() });

test('a step has all that it needs, ready, from every home, or nothing of it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyHome, { maxLength: 4 }), async (wanted) => {
      const pager = newPager();
      const homes = wanted.map(({ ticks }) => new MadeUpHome(ticks));
      const needs = wanted.flatMap(({ blocks, later }, i): Need[] => {
        const home = homes[i];
        return home ? [{ home, blocks: later ? () => blocks : blocks }] : [];
      });
      const held = (): readonly (readonly number[])[] => homes.map((home) => [...home.held.keys()]);
      const nothing = homes.map(() => []);
      if (wanted.some(({ blocks }) => blocks.includes(9))) {
        await assert.rejects(pager.lease(needs), /bad sector/);
      } else {
        using _lease = await pager.lease(needs);
        assert.deepEqual(
          held(),
          wanted.map(({ blocks }) => blocks),
        );
        for (const home of homes) assert.ok([...home.held.values()].every((state) => state === 'ready'));
      }
      assert.deepEqual(held(), nothing);
    }),
  );
});

test('between its steps a pass reads as much as there is room for, and nothing while a step has its lease', async () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(sizes, fc.array(fc.boolean(), { minLength: 2, maxLength: 5 }), async (units, ways) => {
      const memory = new Uint8Array(4 * Math.max(...units));
      let active = 0;
      let begun: number[] = [];
      const read = async (_file: number, _into: Uint8Array, position: number): Promise<void> => {
        begun.push(position);
        active += 1;
        await tick();
        active -= 1;
      };
      const blocks = layRing(units, memory.length).map(({ offset, after }, i) => ({
        ...{ file: 0, position: i, after },
        into: memory.subarray(offset, offset + at(units, i)),
      }));
      const ring = new Ring({ read });
      const pager = new Pager({ weightRing: ring, kvRing: none, residents });
      for (const beside of ways) {
        await pager.begin(new Map([[ring, blocks]]), { beside });
        for (const i of blocks.keys()) {
          using _lease = await pager.lease([{ home: ring, blocks: [i] }]);
          if (beside) continue;
          assert.equal(active, 0);
          begun = [];
          for (let k = 0; k < 3; k += 1) await tick();
          assert.deepEqual(begun, []);
        }
        await pager.finish();
      }
    }),
  );
});

test('where blocks are not read beside leases no end of one begins a read, also in the first pass over others', async () => {
  const begun: number[] = [];
  const ring = new Ring({ read: async (_file, _into, position) => void begun.push(position) });
  const into = new Uint8Array(2);
  const blocks = [0, 1, 2, 3].map((i) => ({ file: 0, position: i, after: 2, into: into.subarray(i % 2, (i % 2) + 1) }));
  await ring.follow(blocks, false);
  (await ring.lease([0]))[Symbol.dispose]();
  (await ring.lease([1]))[Symbol.dispose]();
  assert.deepEqual(begun, [0, 1]);
  (await ring.lease([2]))[Symbol.dispose]();
  assert.deepEqual(begun, [0, 1, 2, 3]);
});

test('blocks that depend on what was computed are asked for when a step needs them, each time anew', async () => {
  const pager = newPager();
  const home = new MadeUpHome(1);
  let computed = 3;
  const needs: readonly Need[] = [{ home, blocks: () => [computed, computed + 1] }];
  for (const [result, expected] of [
    [3, [3, 4]],
    [6, [6, 7]],
  ] as const) {
    computed = result;
    using _lease = await pager.lease(needs);
    assert.deepEqual([...home.held.keys()], expected);
  }
});

test('waiting is counted, also where it was in vain', async () => {
  const pager = newPager();
  const home = new MadeUpHome(2);
  (await pager.lease([{ home, blocks: [1] }]))[Symbol.dispose]();
  const once = pager.stallSeconds;
  assert.ok(once > 0);
  await assert.rejects(pager.lease([{ home, blocks: [9] }]));
  assert.ok(pager.stallSeconds > once);
});

test('experts get their memory ahead of a pass or of loading, and give up what a failed pass asked for', async () => {
  const log: string[] = [];
  const pool = {
    touch: async () => void log.push('touched'),
    settled: async () => {},
    abandon: async () => void log.push('given up'),
    statistics: { asked: 0, hits: 0, bytesRead: 0, waited: 0 },
    cache: new ExpertCache(8, 2),
  };
  const pager = new Pager({ weightRing: none, kvRing: none, residents, experts: [pool] });
  await pager.load();
  await pager.begin(new Map());
  await pager.finish();
  assert.deepEqual(log, ['touched', 'touched']);
  await pager.restart();
  assert.deepEqual(log.slice(2), ['given up']);
  await assert.rejects(pager.load({ signal: AbortSignal.abort(new Error('enough')) }), /enough/);
  assert.equal(log.length, 3);
});

test('routes of a pass that is no text count for no other number of slots', async () => {
  const cache = new ExpertCache(8, 2);
  const pool = {
    touch: async () => {},
    settled: async () => {},
    abandon: async () => {},
    statistics: { asked: 0, hits: 0, bytesRead: 0, waited: 0 },
    cache,
  };
  const pager = new Pager({ weightRing: none, kvRing: none, residents, experts: [pool] });
  const asked = (): number | undefined => pager.hitCurves[0]?.asked;
  await pager.begin(new Map(), { recorded: false });
  cache.route({ ids: [0, 1], used: 2, pairs: 2 });
  assert.equal(asked(), 0);
  await pager.begin(new Map());
  cache.route({ ids: [0, 1], used: 2, pairs: 2 });
  assert.equal(asked(), 2);
});

test('nothing is on its way any more once all is settled: neither reads nor the uploads behind them', async () => {
  let upload = (): void => assert.fail();
  let settled = false;
  const weightRing = new Ring({ read: () => assert.fail('bytes of a device are brought') });
  const pager = new Pager({ weightRing, kvRing: none, residents });
  const bring = (): Promise<void> => new Promise((resolve) => (upload = resolve));
  await weightRing.follow([
    { file: 0, position: 0, into: { buffer: {}, byteOffset: 0, byteLength: 1, bring }, after: 1 },
  ]);
  const waiting = pager.settled().then(() => (settled = true));
  for (let i = 0; i < 3; i += 1) await tick();
  assert.equal(settled, false);
  upload();
  await waiting;
});
