import assert from 'node:assert/strict';
import { read as readFile } from 'node:fs';
import test from 'node:test';
import fc from 'fast-check';
import { computeBatch, experts, inFlight, matrices, openPool } from '../../test/support/expert-pools.ts';
import { anyTrace } from '../../test/support/routes.ts';
import { weightOf } from '../../test/support/weights.ts';
import { at } from '../base/at.ts';
import { HostMemory } from '../ggml/host-memory.ts';
import { pageBytes } from '../ggml/system.ts';
import { expertLength } from '../plan/routed-banks.ts';
import type { ReadAt } from './reader.ts';

const anyCase = fc.record({ trace: anyTrace(4), slots: fc.integer({ min: 1, max: experts }) });

test('under a lease the slots of a round hold their experts, whatever is read meanwhile', async () => {
  await fc.assert(
    fc.asyncProperty(anyCase, async ({ trace: { experts: count, used, batches }, slots }) => {
      await using opened = openPool({ slots, count });
      for (const ids of batches.slice(0, 8))
        await computeBatch(opened.pool, opened.pool.route({ ids, used, pairs: 8 }));
    }),
    { numRuns: 30 },
  );
});

test('statistics and the routes that were heard of say what was read, and a new cache says it again', async () => {
  await fc.assert(
    fc.asyncProperty(anyCase, async ({ trace: { experts: count, used, batches }, slots }) => {
      await using opened = openPool({ slots, count });
      const { pool } = opened;
      let [hits, asked, missed] = [0, 0, 0];
      pool.onRoute = (batch, routing) => {
        assert.deepEqual(batch.ids, batches[heard]);
        heard += 1;
        hits += routing.hits;
        asked += new Set(Array.from(batch.ids)).size;
        missed += routing.rounds.flatMap(({ loads }) => loads).length;
      };
      let heard = 0;
      for (const ids of batches.slice(0, 8)) await computeBatch(pool, pool.route({ ids, used, pairs: 8 }));
      const { statistics } = pool;
      assert.equal(heard, Math.min(8, batches.length));
      assert.deepEqual([statistics.hits, statistics.asked], [hits, asked]);
      assert.equal(statistics.asked, hits + missed);
      const bytes = matrices.reduce((sum, weight) => sum + expertLength(weight), 0);
      assert.equal(statistics.bytesRead, missed * bytes);
    }),
    { numRuns: 15 },
  );
});

test('experts are read before whatever streams, the first matrix first, and no more at once than allowed', async () => {
  const begun: number[] = [];
  let [active, most] = [0, 0];
  const readAt: ReadAt = (fd, into, position, done) => {
    begun.push(position);
    active += 1;
    most = Math.max(most, active);
    readFile(fd, into, 0, into.length, position, (error, bytes) => {
      active -= 1;
      done(error, bytes);
    });
  };
  // Whole pages: each read is one of `readAt`.
  const second = experts * 3 * pageBytes;
  const weights = [0, second].map((offset) =>
    weightOf('whole pages', 'f32', [32, 3 * (pageBytes / 128), experts], offset),
  );
  await using opened = openPool({ slots: 4, readAt, weights });
  using memory = new HostMemory(pageBytes, 'a test');
  const streams = Array.from({ length: 20 }, () => opened.reader.read(0, memory.view(0, pageBytes), 0));
  const routing = opened.pool.route({ ids: [5, 6, 7], used: 3, pairs: 3 });
  await computeBatch(opened.pool, routing);
  await Promise.all(streams);
  assert.equal(most, inFlight);
  const own = begun.map((position, i) => ({ position, i })).filter(({ position }) => position > 0);
  assert.ok(
    own.every(({ i }, k) => i === inFlight + k),
    'they come right behind those that had begun',
  );
  assert.ok(
    own.findIndex(({ position }) => position >= second) > own.findLastIndex(({ position }) => position < second),
  );
});

test('rounds are leased in order, one at a time', async () => {
  await using opened = openPool({ slots: 2 });
  const { pool } = opened;
  pool.route({ ids: [0, 1, 2, 3], used: 1, pairs: 1 });
  const home = at(pool.homes, 0);
  await assert.rejects(home.lease([1]), RangeError);
  await assert.rejects(home.lease([0, 1]), RangeError);
});

test('waiting counts once, however many matrices are waited for', async (t) => {
  let clock = 0;
  t.mock.method(performance, 'now', () => clock);
  const held: (() => void)[] = [];
  const readAt: ReadAt = (fd, into, position, done) => {
    held.push(() => readFile(fd, into, 0, into.length, position, done));
  };
  await using opened = openPool({ slots: 2, readAt, weights: matrices.slice(0, 2) });
  const { pool } = opened;
  pool.route({ ids: [0], used: 1, pairs: 1 });
  const leases = pool.homes.map((home) => home.lease([0]));
  clock = 20;
  const flush = setInterval(() => {
    for (const end of held.splice(0)) end();
  }, 1);
  await Promise.all(leases);
  clearInterval(flush);
  assert.equal(pool.statistics.waited, 0.02);
});

test('memory is touched once, and not where experts are', async () => {
  await using opened = openPool({ slots: 2 });
  const { pool } = opened;
  const holds = (byte: number): boolean => pool.homes.every(({ matrix }) => matrix.view(1).every((b) => b === byte));
  const fill = (byte: number): void => {
    for (const { matrix } of pool.homes) matrix.view(1).fill(byte);
  };
  fill(7);
  await pool.touch();
  assert.ok(holds(0));
  fill(7);
  await pool.touch();
  assert.ok(holds(7));
  await using other = openPool({ slots: 2 });
  const ids = [0, 1];
  await computeBatch(other.pool, other.pool.route({ ids, used: 2, pairs: 2 }));
  await other.pool.touch();
  await computeBatch(other.pool, other.pool.route({ ids, used: 2, pairs: 2 }));
  assert.equal(other.pool.statistics.hits, 2);
});

test('a router of fewer experts than there are slots has one for each', async () => {
  await using opened = openPool({ slots: 9, count: 3 });
  assert.equal(opened.pool.cache.slots, 3);
});
