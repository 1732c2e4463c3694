import assert from 'node:assert/strict';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { engineError } from '../../test/support/engine-error.ts';
import { patternAt } from '../../test/support/pattern.ts';
import { EngineError } from '../base/errors.ts';
import { layRing } from '../plan/ring.ts';
import { type ReadAt, Reader } from './reader.ts';
import { type StreamedSlice, WeightSource } from './weight-source.ts';

const unit = 16;
const tick = (): Promise<void> => new Promise(setImmediate);

/** A disk that leaves rubbish where it reads until a read is done; reads end in the order of `choose`. */
class SlowDisk {
  /** Positions where reads began. */
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

/** Slices of `units` each in a ring of `ringUnits`, over `disk`; a slice is read in chunks of three units. */
function setUp(disk: SlowDisk, units: readonly number[], ringUnits: number, inFlight = 2) {
  const sizes = units.map((n) => n * unit);
  const ring = new Uint8Array(ringUnits * unit);
  let start = 0;
  const slices = layRing(sizes, ring.length).map(({ offset, after }, i): StreamedSlice => {
    const bytes = sizes[i] ?? 0;
    const pages = { start, bytes, skew: 0 };
    start += bytes;
    return { file: 0, pages, into: ring.subarray(offset, offset + bytes), after };
  });
  const reader = new Reader([{ path: fileURLToPath(import.meta.url), size: 2 ** 40 }], {
    inFlight,
    chunkBytes: 3 * unit,
    readAt: disk.readAt,
  });
  return { slices, reader, source: new WeightSource(reader) };
}

/** Fails unless the bytes of the slices are those of their place in the file. */
function assertInPlace(slices: readonly StreamedSlice[]): void {
  for (const { pages, into } of slices) assert.ok(Buffer.from(patternAt(pages.start, pages.bytes)).equals(into));
}

/** Cuts a pass into steps of a quarter of the ring, or of a single slice. */
function stepsOf(slices: readonly StreamedSlice[], ringUnits: number): StreamedSlice[][] {
  const steps: StreamedSlice[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const slice of slices) {
    bytes += slice.pages.bytes;
    if (bytes > (ringUnits * unit) / 4) {
      steps.push([]);
      bytes = slice.pages.bytes;
    }
    steps.at(-1)?.push(slice);
  }
  return steps;
}

test('under a lease its slices are in place and stay there, whatever the ring and the order of the reads', async () => {
  const anyRing = fc
    .record({ units: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 12 }), more: fc.nat(20) })
    .map(({ units, more }) => ({ units, ringUnits: 4 * Math.max(...units) + more }));
  const anyChoices = fc.infiniteStream(fc.nat(1000));
  await fc.assert(
    fc.asyncProperty(
      anyRing,
      fc.integer({ min: 1, max: 4 }),
      anyChoices,
      async ({ units, ringUnits }, inFlight, any) => {
        const choose = (count: number): number => any.next().value % count;
        const { slices, reader, source } = setUp(new SlowDisk(choose), units, ringUnits, inFlight);
        await using _reader = reader;
        await source.setReads(slices);
        for (let pass = 0; pass < 3; pass += 1) {
          for (const step of stepsOf(slices, ringUnits)) {
            using _lease = await source.lease(step.length);
            assertInPlace(step);
            for (let i = choose(3); i > 0; i -= 1) await tick();
            assertInPlace(step);
          }
        }
      },
    ),
  );
});

test('a lease waits for a slow disk, and the wait is counted', async () => {
  const { slices, reader, source } = setUp(new SlowDisk(), [3, 3], 12);
  await using _reader = reader;
  let leased = false;
  const lease = source.setReads(slices).then(() => source.lease(2));
  void lease.then(() => {
    leased = true;
  });
  await Promise.resolve();
  assert.equal(leased, false);
  using _lease = await lease;
  assertInPlace(slices);
  assert.ok(source.stallSeconds > 0);
});

test('reads go on under a lease, and from the end of a pass to the start of the next', async () => {
  const disk = new SlowDisk();
  const { slices, reader, source } = setUp(disk, [2, 2, 2, 2, 2, 2, 2, 2], 8);
  await using _reader = reader;
  const starts = [0, 32, 64, 96, 128, 160, 192, 224];
  await source.setReads(slices);
  for (const k of starts.keys()) {
    using _lease = await source.lease(1);
    for (let i = 0; i < 10; i += 1) await tick();
    assert.deepEqual(disk.log, [...starts, ...starts].slice(0, 4 + k));
  }
});

test('a failed read reaches who leases its slice, not who came before', async () => {
  const disk = new SlowDisk();
  disk.broken.add(6 * unit);
  const { slices, reader, source } = setUp(disk, [3, 3, 3, 3], 12);
  await using _reader = reader;
  await source.setReads(slices);
  for (const slice of slices.slice(0, 2)) {
    using _lease = await source.lease(1);
    assertInPlace([slice]);
  }
  await assert.rejects(source.lease(1), engineError('READ_FAILED'));
});

test('a restart begins a new pass, after an error as well as in the middle', async () => {
  const anyUnits = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(anyUnits, fc.nat(20), fc.nat(2 ** 10), async (units, more, when) => {
      const disk = new SlowDisk();
      const { slices, reader, source } = setUp(disk, units, 4 * Math.max(...units) + more);
      await using _reader = reader;
      await source.setReads(slices);
      const bad = slices[when % slices.length];
      for (let i = 0; i < when % (2 * slices.length); i += 1) {
        using _lease = await source.lease(1);
      }
      disk.broken.add(bad?.pages.start ?? 0);
      for (let i = 0; i < 2 * slices.length; i += 1) {
        const lease = await source.lease(1).catch(() => undefined);
        if (!lease) break;
        lease[Symbol.dispose]();
      }
      disk.broken.clear();
      await source.restart();
      for (const slice of [...slices, ...slices]) {
        using _lease = await source.lease(1);
        assertInPlace([slice]);
      }
    }),
  );
});

test('with a number of passes, reading ends after them', async () => {
  const disk = new SlowDisk();
  const { slices, reader, source } = setUp(disk, [3, 1, 2], 12);
  await using _reader = reader;
  await source.setReads(slices, { once: true });
  for (const slice of slices) {
    using _lease = await source.lease(1);
    assertInPlace([slice]);
  }
  for (let i = 0; i < 10; i += 1) await tick();
  assert.equal(disk.log.length, 3);
  await assert.rejects(source.lease(1), RangeError);
});

test('two leases that are asked for at once are served one after the other', async () => {
  const disk = new SlowDisk();
  const { slices, reader, source } = setUp(disk, [3, 3, 3, 3, 3, 3], 12);
  await using _reader = reader;
  disk.broken.add(9 * unit);
  await source.setReads(slices);
  const leases = [source.lease(1), source.lease(2), source.lease(1)];
  const third = assert.rejects(leases[2] ?? assert.fail(), EngineError);
  using _first = await leases[0];
  assertInPlace(slices.slice(0, 1));
  using _second = await leases[1];
  assertInPlace(slices.slice(0, 3));
  await third;
});

test('more than the ring can hold at once cannot be leased', async () => {
  const { slices, reader, source } = setUp(new SlowDisk(), [3, 3, 3, 3, 3, 3], 12);
  await using _reader = reader;
  await source.setReads(slices);
  for (let i = 0; i < 6; i += 1) {
    using _lease = await source.lease(1);
  }
  await assert.rejects(source.lease(5), RangeError);
});

test('where nothing streams, leases are free', async () => {
  const { slices, reader, source } = setUp(new SlowDisk(), [], 0);
  await using _reader = reader;
  await source.setReads(slices);
  using _lease = await source.lease(0);
  await source.restart();
  assert.equal(source.stallSeconds, 0);
});
