import assert from 'node:assert/strict';
import { read as readFile, truncateSync } from 'node:fs';
import test from 'node:test';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { engineError } from '../../test/support/engine-error.ts';
import { patternAt, writePattern } from '../../test/support/pattern.ts';
import { anyTrace } from '../../test/support/routes.ts';
import { sharedFolder } from '../../test/support/temp-folder.ts';
import { someMemory } from '../../test/support/tensors.ts';
import { weightOf } from '../../test/support/weights.ts';
import { at } from '../base/at.ts';
import { Disposer } from '../base/disposer.ts';
import { HostMemory } from '../ggml/host-memory.ts';
import { pageBytes } from '../ggml/system.ts';
import { TensorSet } from '../ggml/tensor-set.ts';
import type { Weight } from '../gguf/weight.ts';
import type { Routing } from '../plan/expert-cache.ts';
import { expertBufferBytes, expertBuffers } from '../plan/expert-slots.ts';
import { expertLength } from '../plan/routed-banks.ts';
import { ExpertPool } from './expert-pool.ts';
import { ReadBuffers } from './read-buffers.ts';
import { type ReadAt, Reader } from './reader.ts';

const folder = sharedFolder();
const path = folder.file('experts');
const experts = 24;

/**
 * Matrices whose experts have whole pages, or not, lie within a page, and end with the file. Together they are the ones
 * of a router.
 */
const shapes = [
  { width: 32, rows: 3 * (pageBytes / 128), offset: 96 },
  { width: 32, rows: 3 * (pageBytes / 128), offset: 0 },
  { width: 25, rows: 243, offset: 64 },
  { width: 8, rows: 5, offset: 32 },
  { width: 25, rows: 333, offset: 160 },
];
let end = 0;
const matrices = shapes.map(({ width, rows, offset }, i): Weight => {
  const weight = weightOf(`matrix ${i}`, 'f32', [width, rows, experts], end + offset);
  end = Math.ceil((end + offset + weight.extent.length) / pageBytes) * pageBytes;
  return weight;
});
const last = at(matrices, matrices.length - 1);
const size = last.extent.offset + last.extent.length;
writePattern(path, size);

const inFlight = 3;

interface PoolOptions {
  readonly slots: number;
  readonly count?: number;
  readonly readAt?: ReadAt;
  readonly file?: string;
  readonly weights?: readonly Weight[];
}

/** A pool of the first `count` experts, over a reader that makes rubbish of the memory that it is about to read into. */
function open({ slots, count = experts, readAt, file = path, weights = matrices }: PoolOptions) {
  const owner = new Disposer();
  const reader = new Reader([{ path: file, size }], { inFlight, chunkBytes: 2 * pageBytes, ...(readAt && { readAt }) });
  const spy = {
    readv: (index: number, parts: readonly Uint8Array[], position: number): Promise<void> => {
      for (const part of parts) part.fill(0xff);
      return reader.readv(index, parts, position);
    },
  };
  const few = weights.map((weight) => {
    const shape = [...weight.shape.slice(0, 2), count];
    return { ...weight, shape, extent: { ...weight.extent, length: expertLength(weight) * count } };
  });
  const buffers = owner.use(new ReadBuffers(expertBuffers, expertBufferBytes(few.map(expertLength), pageBytes)));
  const tensors = owner.use(new TensorSet(10));
  const pool = owner.use(new ExpertPool(few, slots, { device: someMemory, reader: spy, buffers, tensors }));
  const dispose = async (): Promise<void> => {
    await pool.abandon();
    await reader[Symbol.asyncDispose]();
    owner[Symbol.dispose]();
  };
  return { pool, reader, [Symbol.asyncDispose]: dispose };
}

/** Leases round `round` of matrix `m`, and compares its slots with the file. */
async function leaseRound(pool: ExpertPool, routing: Routing, m: number, round: number) {
  const home = at(pool.homes, m);
  const lease = await home.lease([round]);
  const { weight } = home.matrix;
  const check = (): void => {
    for (const { expert, slot } of at(routing.rounds, round).experts) {
      const expected = patternAt(weight.extent.offset + expert * expertLength(weight), expertLength(weight));
      assert.ok(Buffer.from(expected).equals(home.matrix.view(slot)), `expert ${expert} of ${weight.name}`);
    }
  };
  check();
  return { ...lease, check };
}

async function compute(pool: ExpertPool, routing: Routing): Promise<void> {
  for (const m of pool.homes.keys()) {
    for (const round of routing.rounds.keys()) {
      using lease = await leaseRound(pool, routing, m, round);
      // Reads that go on meanwhile leave these slots alone.
      await setImmediate();
      lease.check();
    }
  }
}

const anyCase = fc.record({ trace: anyTrace(4), slots: fc.integer({ min: 1, max: experts }) });

test('under a lease the slots of a round hold their experts, whatever is read meanwhile', async () => {
  await fc.assert(
    fc.asyncProperty(anyCase, async ({ trace: { experts: count, used, batches }, slots }) => {
      await using opened = open({ slots, count });
      for (const ids of batches.slice(0, 8)) await compute(opened.pool, opened.pool.route({ ids, used, pairs: 8 }));
    }),
    { numRuns: 30 },
  );
});

test('statistics and the routes that were heard of say what was read, and a new cache says it again', async () => {
  await fc.assert(
    fc.asyncProperty(anyCase, async ({ trace: { experts: count, used, batches }, slots }) => {
      await using opened = open({ slots, count });
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
      for (const ids of batches.slice(0, 8)) await compute(pool, pool.route({ ids, used, pairs: 8 }));
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
  await using opened = open({ slots: 4, readAt, weights });
  using memory = new HostMemory(pageBytes, 'a test');
  const streams = Array.from({ length: 20 }, () => opened.reader.read(0, memory.view(0, pageBytes), 0));
  const routing = opened.pool.route({ ids: [5, 6, 7], used: 3, pairs: 3 });
  await compute(opened.pool, routing);
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

test('an expert that cannot be read fails its lease, and holds nothing: it is read again, others are not', async () => {
  await fc.assert(
    fc.asyncProperty(anyCase, fc.nat(40), async ({ trace: { experts: count, used, batches }, slots }, failing) => {
      let left = failing;
      const readAt: ReadAt = (fd, into, position, done) => {
        left -= 1;
        if (left === -1) done(Object.assign(new Error('i/o error'), { code: 'EIO' }), 0);
        else readFile(fd, into, 0, into.length, position, done);
      };
      await using opened = open({ slots, count, readAt });
      const { pool } = opened;
      for (const ids of batches.slice(0, 8)) {
        const failed = await compute(pool, pool.route({ ids, used, pairs: 8 })).then(
          () => false,
          (error: unknown) => {
            assert.ok(engineError('READ_FAILED', { file: path, reason: 'EIO' })(error));
            return true;
          },
        );
        if (!failed) continue;
        await pool.abandon();
        const held = Array.from({ length: pool.cache.slots }, (_, slot) => pool.cache.expertIn(slot));
        const routing = pool.route({ ids, used, pairs: 8 });
        for (const { expert, slot } of routing.rounds.flatMap((round) => round.experts)) {
          const isLoaded = routing.rounds.some(({ loads }) => loads.some((load) => load.expert === expert));
          assert.equal(isLoaded, !held.includes(expert), `expert ${expert} in slot ${slot}`);
        }
        await compute(pool, routing);
      }
    }),
    { numRuns: 40 },
  );
});

test('a batch that is given up anywhere leaves whole experts only', async () => {
  await fc.assert(
    fc.asyncProperty(anyCase, fc.nat(30), async ({ trace: { experts: count, used, batches }, slots }, rounds) => {
      await using opened = open({ slots, count });
      const { pool } = opened;
      for (const [i, ids] of batches.slice(0, 6).entries()) {
        const routing = pool.route({ ids, used, pairs: 8 });
        if (i % 2 === 0) await compute(pool, routing);
        else {
          const all = pool.homes.flatMap((_, m) => [...routing.rounds.keys()].map((round) => [m, round] as const));
          for (const [m, round] of all.slice(0, rounds % all.length))
            (await leaseRound(pool, routing, m, round))[Symbol.dispose]();
          assert.throws(() => pool.route({ ids, used, pairs: 8 }));
          await pool.abandon();
        }
      }
    }),
    { numRuns: 30 },
  );
});

test('a lease that ends after its batch was given up frees nothing of the next one', async () => {
  await using opened = open({ slots: 2 });
  const { pool } = opened;
  const first = pool.route({ ids: [0, 1, 2, 3], used: 1, pairs: 1 });
  const late = await leaseRound(pool, first, 0, 0);
  await pool.abandon();
  const second = pool.route({ ids: [4, 5, 6, 7], used: 1, pairs: 1 });
  late[Symbol.dispose]();
  await compute(pool, second);
});

test('a file that was cut short is FILE_CHANGED, for experts that are read straight to their slots and for copied ones', async () => {
  const cut = folder.file('cut');
  writePattern(cut, size);
  await using opened = open({ slots: 2, file: cut });
  truncateSync(cut, pageBytes);
  opened.pool.route({ ids: [3], used: 1, pairs: 1 });
  for (const home of opened.pool.homes) {
    await assert.rejects(home.lease([0]), engineError('FILE_CHANGED', { file: cut }));
  }
});

test('rounds are leased in order, one at a time', async () => {
  await using opened = open({ slots: 2 });
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
  await using opened = open({ slots: 2, readAt, weights: matrices.slice(0, 2) });
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
  await using opened = open({ slots: 2 });
  const { pool } = opened;
  await pool.touch();
  for (const { matrix } of pool.homes) assert.ok(matrix.view(1).every((byte) => byte === 0));
  const ids = [0, 1];
  await compute(pool, pool.route({ ids, used: 2, pairs: 2 }));
  await pool.touch();
  await compute(pool, pool.route({ ids, used: 2, pairs: 2 }));
  assert.equal(pool.statistics.hits, 2);
});
