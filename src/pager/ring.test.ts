import assert from 'node:assert/strict';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { engineError } from '../../test/support/engine-error.ts';
import { patternAt } from '../../test/support/pattern.ts';
import { EngineError } from '../base/errors.ts';
import { layRing } from '../plan/ring-segments.ts';
import type { Block } from './block.ts';
import { type ReadAt, Reader } from './reader.ts';
import { Ring } from './ring.ts';

type HostBlock = Block & { readonly into: Uint8Array };

const unit = 16;
const tick = (): Promise<void> => new Promise(setImmediate);

/** A disk that leaves rubbish where it reads until it is done; its reads end in the order that `choose` says. */
class SlowDisk {
  /** Where each read began. */
  readonly log: number[] = [];
  /** Positions that cannot be read. */
  readonly broken: Set<number> = new Set();
  readonly #choose: (count: number) => number;
  readonly #waiting: (() => void)[] = [];

  constructor(choose: (count: number) => number = () => 0) {
    this.#choose = choose;
  }

  readonly readAt: ReadAt = (_fd, into, position, done) => {
    this.log.push(position);
    into.fill(0xee);
    this.#waiting.push(() => {
      if (this.broken.has(position)) return done(new Error('bad sector'), 0);
      into.set(patternAt(position, into.length));
      done(null, into.length);
    });
    setImmediate(() => this.#waiting.splice(this.#choose(this.#waiting.length), 1)[0]?.());
  };
}

/** Blocks of `units` each in a ring of `ringUnits`, over `disk`; a block is read in chunks of three units. */
function setUp(disk: SlowDisk, units: readonly number[], ringUnits: number, inFlight = 2) {
  const sizes = units.map((n) => n * unit);
  const memory = new Uint8Array(ringUnits * unit);
  let position = 0;
  const blocks = layRing(sizes, memory.length).map(({ offset, after }, i): HostBlock => {
    const into = memory.subarray(offset, offset + (sizes[i] ?? 0));
    position += into.length;
    return { file: 0, position: position - into.length, into, after };
  });
  const reader = new Reader([{ path: fileURLToPath(import.meta.url), size: 2 ** 40 }], {
    inFlight,
    chunkBytes: 3 * unit,
    readAt: disk.readAt,
  });
  return { blocks, reader, ring: new Ring(reader) };
}

/** The bytes of the blocks are those of their place in the file. */
function assertInPlace(blocks: readonly HostBlock[]): void {
  for (const { position, into } of blocks) assert.ok(Buffer.from(patternAt(position, into.length)).equals(into));
}

/** Cuts a pass into steps of a quarter of the ring, or of a single block: the numbers of their blocks. */
function stepsOf(blocks: readonly HostBlock[], ringUnits: number): number[][] {
  const steps: number[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const [i, { into }] of blocks.entries()) {
    bytes += into.length;
    if (bytes > (ringUnits * unit) / 4) {
      steps.push([]);
      bytes = into.length;
    }
    steps.at(-1)?.push(i);
  }
  return steps;
}

const some = (blocks: readonly HostBlock[], numbers: readonly number[]): readonly HostBlock[] =>
  numbers.flatMap((number) => blocks[number] ?? []);

const anyRing = fc
  .record({ units: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 12 }), more: fc.nat(20) })
  .map(({ units, more }) => ({ units, ringUnits: 4 * Math.max(...units) + more }));
const anyChoices = fc.infiniteStream(fc.nat(1000));

test('under a lease its blocks are in place and stay there, whatever the ring and the order of the reads', async () => {
  await fc.assert(
    fc.asyncProperty(
      anyRing,
      fc.integer({ min: 1, max: 4 }),
      anyChoices,
      async ({ units, ringUnits }, inFlight, any) => {
        const choose = (count: number): number => any.next().value % count;
        const { blocks, reader, ring } = setUp(new SlowDisk(choose), units, ringUnits, inFlight);
        await using _reader = reader;
        await ring.follow(blocks);
        for (let pass = 0; pass < 3; pass += 1) {
          for (const step of stepsOf(blocks, ringUnits)) {
            using _lease = await ring.lease(step);
            assertInPlace(some(blocks, step));
            for (let i = choose(3); i > 0; i -= 1) await tick();
            assertInPlace(some(blocks, step));
          }
        }
      },
    ),
  );
});

test('bytes that are stored stay until that has ended, whichever ends first, and what was stored is what is read', async () => {
  await fc.assert(
    fc.asyncProperty(anyRing, anyChoices, async ({ units, ringUnits }, any) => {
      const choose = (count: number): number => any.next().value % count;
      const { blocks: plain, reader, ring } = setUp(new SlowDisk(choose), units, ringUnits);
      await using _reader = reader;
      const storing = new Set<number>();
      const blocks = plain.map((block, i): HostBlock => {
        const own = new Uint8Array(block.into.length).fill(i);
        return {
          ...block,
          prepare: () => void block.into.set(own),
          store: async () => {
            storing.add(i);
            own.fill((own[0] ?? 0) + 1);
            for (let ticks = choose(12); ticks > 0; ticks -= 1) {
              await tick();
              assert.ok(block.into.every((byte) => byte === own[0]));
            }
            storing.delete(i);
          },
        };
      });
      await ring.follow(blocks);
      for (let pass = 0; pass < 3; pass += 1) {
        for (const step of stepsOf(blocks, ringUnits)) {
          const lease = await ring.lease(step);
          await lease.prepare?.();
          for (const i of step) {
            assert.ok(!storing.has(i));
            assert.ok(blocks[i]?.into.every((byte) => byte === (i + pass) % 256));
            blocks[i]?.into.fill(i + pass + 1);
          }
          ring.store(step);
          lease[Symbol.dispose]();
        }
      }
      await ring.finish();
      assert.equal(storing.size, 0);
    }),
  );
});

test('leases that end in another order than they began free no bytes that are in use', async () => {
  const { blocks, reader, ring } = setUp(new SlowDisk(), [3, 3, 3, 3, 3, 3], 12);
  await using _reader = reader;
  await ring.follow(blocks);
  const [first, second] = [await ring.lease([0]), await ring.lease([1])];
  second[Symbol.dispose]();
  for (let i = 0; i < 20; i += 1) await tick();
  assertInPlace(some(blocks, [0]));
  first[Symbol.dispose]();
  using _third = await ring.lease([2, 3, 4, 5]);
  assertInPlace(some(blocks, [2, 3, 4, 5]));
});

test('a store that fails is told at the end of the pass, once, also where the pass was given up', async () => {
  const lost = new Error('no space left');
  for (const end of ['finish', 'restart'] as const) {
    const { blocks, reader, ring } = setUp(new SlowDisk(), [3, 3, 3, 3, 3], 12);
    await using _reader = reader;
    let stores = 0;
    const store = async (): Promise<void> => {
      await tick();
      stores += 1;
      if (stores === 2) throw lost;
    };
    await ring.follow(blocks.map((block) => ({ ...block, store })));
    for (const i of blocks.keys()) {
      using _lease = await ring.lease([i]);
      ring.store([i]);
    }
    await assert.rejects(ring[end](), lost);
    assert.equal(stores, 5);
    await ring.finish();
    using _lease = await ring.lease([0]);
    assertInPlace(some(blocks, [0]));
  }
});

test('reads go on under a lease, and from the end of a pass to the start of the next', async () => {
  const disk = new SlowDisk();
  const { blocks, reader, ring } = setUp(disk, [2, 2, 2, 2, 2, 2, 2, 2], 8);
  await using _reader = reader;
  const starts = [0, 32, 64, 96, 128, 160, 192, 224];
  await ring.follow(blocks);
  for (const k of starts.keys()) {
    using _lease = await ring.lease([k]);
    for (let i = 0; i < 10; i += 1) await tick();
    assert.deepEqual(disk.log, [...starts, ...starts].slice(0, 4 + k));
  }
});

test('blocks of the same bytes are read on, others anew', async () => {
  const disk = new SlowDisk();
  const { blocks, reader, ring } = setUp(disk, [3, 3, 3], 12);
  await using _reader = reader;
  await ring.follow(blocks);
  await ring.settled();
  let prepared = 0;
  const prepare = (): void => {
    prepared += 1;
  };
  await ring.follow(blocks.map((block) => ({ ...block, prepare })));
  const lease = await ring.lease([0]);
  await lease.prepare?.();
  assert.deepEqual([disk.log.length, prepared], [3, 1]);
  lease[Symbol.dispose]();
  await ring.follow(blocks.map((block) => ({ ...block, version: 1 })));
  using _lease = await ring.lease([0, 1, 2]);
  assert.ok(disk.log.length >= 6);
});

test('a failed read reaches the one that leases its block, not who came before', async () => {
  const disk = new SlowDisk();
  disk.broken.add(6 * unit);
  const { blocks, reader, ring } = setUp(disk, [3, 3, 3, 3], 12);
  await using _reader = reader;
  await ring.follow(blocks);
  for (const i of [0, 1]) {
    using _lease = await ring.lease([i]);
    assertInPlace(some(blocks, [i]));
  }
  await assert.rejects(ring.lease([2]), engineError('READ_FAILED'));
});

test('a restart begins a new pass, after an error as well as in the middle', async () => {
  const anyUnits = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(anyUnits, fc.nat(20), fc.nat(2 ** 10), async (units, more, when) => {
      const disk = new SlowDisk();
      const { blocks, reader, ring } = setUp(disk, units, 4 * Math.max(...units) + more);
      await using _reader = reader;
      await ring.follow(blocks);
      let turn = 0;
      const lease = () => ring.lease([turn++ % blocks.length]);
      while (turn < when % (2 * blocks.length)) (await lease())[Symbol.dispose]();
      disk.broken.add(blocks[when % blocks.length]?.position ?? 0);
      for (let i = 0; i < 2 * blocks.length; i += 1) {
        const next = await lease().catch(() => undefined);
        if (!next) break;
        next[Symbol.dispose]();
      }
      disk.broken.clear();
      await ring.restart();
      for (const i of [...blocks.keys(), ...blocks.keys()]) {
        using _lease = await ring.lease([i]);
        assertInPlace(some(blocks, [i]));
      }
    }),
  );
});

test('two leases that are asked for at once are served one after the other', async () => {
  const disk = new SlowDisk();
  const { blocks, reader, ring } = setUp(disk, [3, 3, 3, 3, 3, 3], 12);
  await using _reader = reader;
  disk.broken.add(9 * unit);
  await ring.follow(blocks);
  const leases = [ring.lease([0]), ring.lease([1, 2]), ring.lease([3])];
  const third = assert.rejects(leases[2] ?? assert.fail(), EngineError);
  using _first = await leases[0];
  assertInPlace(some(blocks, [0]));
  using _second = await leases[1];
  assertInPlace(some(blocks, [0, 1, 2]));
  await third;
});

test('neither more than the ring can hold at once nor blocks out of order can be leased', async () => {
  const { blocks, reader, ring } = setUp(new SlowDisk(), [3, 3, 3, 3, 3, 3], 12);
  await using _reader = reader;
  await ring.follow(blocks);
  await assert.rejects(ring.lease([1]), RangeError);
  for (const i of blocks.keys()) {
    using _lease = await ring.lease([i]);
  }
  await assert.rejects(ring.lease([0, 1, 2, 3, 4]), RangeError);
});

test('where nothing streams, leases are free', async () => {
  const { blocks, reader, ring } = setUp(new SlowDisk(), [], 0);
  await using _reader = reader;
  await ring.follow(blocks);
  using _lease = await ring.lease([]);
  await ring.restart();
});
