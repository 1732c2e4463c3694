import assert from 'node:assert/strict';
import { read as readFile, truncateSync } from 'node:fs';
import test from 'node:test';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { engineError } from '../../test/support/engine-error.ts';
import {
  computeBatch,
  experts,
  fileBytes,
  lastMatrix,
  leaseRound,
  matrices,
  openPool,
  path,
  poolFolder,
} from '../../test/support/expert-pools.ts';
import { writePattern } from '../../test/support/pattern.ts';
import { rounds } from '../../test/support/rounds.ts';
import { anyTrace } from '../../test/support/routes.ts';
import { someMemory } from '../../test/support/tensors.ts';
import type { Memory } from '../ggml/memory.ts';
import { pageBytes } from '../ggml/system.ts';
import { TensorSet } from '../ggml/tensor-set.ts';
import type { Weight } from '../gguf/weight.ts';
import { expertLength } from '../plan/routed-banks.ts';
import { ExpertMatrix } from './expert-matrix.ts';
import { ReadBuffers } from './read-buffers.ts';
import type { ReadAt } from './reader.ts';

const anyCase = fc.record({ trace: anyTrace(4), slots: fc.integer({ min: 1, max: experts }) });

test('an expert that cannot be read fails its lease, and holds nothing: it is read again, others are not', async () => {
  await fc.assert(
    fc.asyncProperty(anyCase, fc.nat(40), async ({ trace: { experts: count, used, batches }, slots }, failing) => {
      let left = failing;
      const readAt: ReadAt = (fd, into, position, done) => {
        left -= 1;
        if (left === -1) done(Object.assign(new Error('i/o error'), { code: 'EIO' }), 0);
        else readFile(fd, into, 0, into.length, position, done);
      };
      await using opened = openPool({ slots, count, readAt });
      const { pool } = opened;
      for (const ids of batches.slice(0, 8)) {
        const failed = await computeBatch(pool, pool.route({ ids, used, pairs: 8 })).then(
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
        await computeBatch(pool, routing);
      }
    }),
    { numRuns: rounds(15, 40) },
  );
});

test('a batch that is given up anywhere leaves whole experts only', async () => {
  await fc.assert(
    fc.asyncProperty(anyCase, fc.nat(30), async ({ trace: { experts: count, used, batches }, slots }, rounds) => {
      await using opened = openPool({ slots, count });
      const { pool } = opened;
      for (const [i, ids] of batches.slice(0, 6).entries()) {
        const routing = pool.route({ ids, used, pairs: 8 });
        if (i % 2 === 0) await computeBatch(pool, routing);
        else {
          const all = pool.homes.flatMap((_, m) => [...routing.rounds.keys()].map((round) => [m, round] as const));
          for (const [m, round] of all.slice(0, rounds % all.length))
            (await leaseRound(pool, routing, m, round))[Symbol.dispose]();
          assert.throws(() => pool.route({ ids, used, pairs: 8 }));
          await pool.abandon();
        }
      }
    }),
    { numRuns: rounds(12, 30) },
  );
});

test('a batch is given up once none of its reads is under way', async () => {
  const held: (() => void)[] = [];
  const readAt: ReadAt = (fd, into, position, done) => {
    held.push(() => readFile(fd, into, 0, into.length, position, done));
  };
  await using opened = openPool({ slots: 2, readAt, weights: matrices.slice(0, 1) });
  const { pool } = opened;
  pool.route({ ids: [0, 1], used: 2, pairs: 2 });
  let given = false;
  const abandoned = pool.abandon().then(() => {
    given = true;
  });
  for (let turn = 0; turn < 5; turn += 1) await setImmediate();
  assert.ok(!given && held.length > 0);
  while (!given) {
    for (const end of held.splice(0)) end();
    await setImmediate();
  }
  await abandoned;
  assert.deepEqual([held.length, pool.cache.expertIn(0) >= 0, pool.cache.expertIn(1) >= 0], [0, true, true]);
});

test('an expert that is read in parts is given up once all of them have ended, though one has failed', async () => {
  const held: (() => void)[] = [];
  let begun = 0;
  const readAt: ReadAt = (fd, into, position, done) => {
    begun += 1;
    if (begun === 1) done(Object.assign(new Error('i/o error'), { code: 'EIO' }), 0);
    else held.push(() => readFile(fd, into, 0, into.length, position, done));
  };
  await using opened = openPool({ slots: 1, readAt, weights: [lastMatrix], bufferBytes: 2 * pageBytes });
  const { pool } = opened;
  assert.ok(expertLength(lastMatrix) > 4 * pageBytes);
  pool.route({ ids: [0], used: 1, pairs: 1 });
  let given = false;
  const abandoned = pool.abandon().then(() => {
    given = true;
  });
  for (let turn = 0; turn < 20; turn += 1) await setImmediate();
  assert.ok(!given && held.length > 0);
  while (!given) {
    for (const end of held.splice(0)) end();
    await setImmediate();
  }
  await abandoned;
  assert.equal(pool.cache.expertIn(0), -1);
});

test('an expert of which one matrix was read, and then another, is read as a whole before it is there', async () => {
  const [first, second] = matrices as [Weight, Weight];
  let broken: Weight | undefined;
  const readAt: ReadAt = (fd, into, position, done) => {
    const { offset, length } = broken?.extent ?? { offset: 0, length: 0 };
    if (position < offset + length && position + into.length > offset) {
      done(Object.assign(new Error('i/o error'), { code: 'EIO' }), 0);
    } else readFile(fd, into, 0, into.length, position, done);
  };
  await using opened = openPool({ slots: 1, readAt, weights: [first, second] });
  const { pool } = opened;
  for (const weight of [second, first]) {
    broken = weight;
    await assert.rejects(computeBatch(pool, pool.route({ ids: [0], used: 1, pairs: 1 })), engineError('READ_FAILED'));
    await pool.abandon();
  }
  broken = undefined;
  await computeBatch(pool, pool.route({ ids: [0], used: 1, pairs: 1 }));
  assert.equal(pool.statistics.hits, 0);
});

test('a lease that ends after its batch was given up frees nothing of the next one', async () => {
  await using opened = openPool({ slots: 2 });
  const { pool } = opened;
  const first = pool.route({ ids: [0, 1, 2, 3], used: 1, pairs: 1 });
  const late = await leaseRound(pool, first, 0, 0);
  await pool.abandon();
  const second = pool.route({ ids: [4, 5, 6, 7], used: 1, pairs: 1 });
  late[Symbol.dispose]();
  await computeBatch(pool, second);
});

test('a file that was cut short is FILE_CHANGED, for experts that are read straight to their slots and for copied ones', async () => {
  const cut = poolFolder.file('cut');
  writePattern(cut, fileBytes);
  await using opened = openPool({ slots: 2, file: cut });
  truncateSync(cut, pageBytes);
  opened.pool.route({ ids: [3], used: 1, pairs: 1 });
  for (const home of opened.pool.homes) {
    await assert.rejects(home.lease([0]), engineError('FILE_CHANGED', { file: cut }));
  }
});

test('a matrix whose memory is no use, at whatever step, holds none of it', () => {
  const [weight] = matrices;
  assert.ok(weight);
  for (const step of ['clear', 'place'] as const) {
    let held = 0;
    const broken = (bytes: number, what: string): Memory => {
      const memory = someMemory.memoryFor(bytes, what);
      held += 1;
      const fail = (): never => assert.fail(`no ${step}`);
      const dispose = (): void => {
        held -= 1;
        memory[Symbol.dispose]();
      };
      return {
        ...memory,
        bytes,
        shared: memory.shared,
        place: () => {},
        clear: () => {},
        [step]: fail,
        [Symbol.dispose]: dispose,
      } as Memory;
    };
    using buffers = new ReadBuffers(1, pageBytes);
    using tensors = new TensorSet(2);
    const device = { memoryFor: broken, paddingOf: () => 32 };
    const parts = { device, reader: { readv: () => assert.fail() }, buffers, tensors };
    assert.throws(() => new ExpertMatrix(weight, { slots: 2, last: true }, parts), { message: `no ${step}` });
    assert.equal(held, 0);
  }
});
