import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { engineError } from '../../test/support/engine-error.ts';
import { sharedFolder } from '../../test/support/temp-folder.ts';
import { alignUp } from '../base/bytes.ts';
import { HostMemory } from '../ggml/host-memory.ts';
import { Reader } from '../pager/reader.ts';
import { openKvFile } from './kv-file.ts';
import { type ByteRange, spillOf, spillUnit } from './spill.ts';
import { SpilledArea } from './spilled-area.ts';

const folder = sharedFolder();

test('of what was appended each unit is written when it is full, and the rest stays in memory', () => {
  const end = 10 * spillUnit + 100;
  const appended = (from: number, to: number) => spillOf([[from, to]], end);
  assert.deepEqual(appended(0, 10), { writes: [], tail: 0 });
  assert.deepEqual(appended(10, spillUnit), { writes: [[0, spillUnit]], tail: undefined });
  assert.deepEqual(appended(spillUnit - 5, 3 * spillUnit + 1), { writes: [[0, 3 * spillUnit]], tail: 3 * spillUnit });
  // Nothing comes next where the area ends.
  assert.deepEqual(appended(end - 1, end), { writes: [[10 * spillUnit, 11 * spillUnit]], tail: undefined });
  assert.deepEqual(spillOf([], end), { writes: [], tail: undefined });
});

test('what changed beside it is written at once, also where it shares the unit that stays', () => {
  const writes = [[0, spillUnit]];
  assert.deepEqual(
    spillOf(
      [
        [0, 8],
        [100, 200],
      ],
      5 * spillUnit,
    ),
    { writes, tail: 0 },
  );
  const far: readonly ByteRange[] = [
    [4 * spillUnit + 3, 4 * spillUnit + 9],
    [spillUnit - 1, spillUnit + 1],
  ];
  assert.deepEqual(spillOf(far, 5 * spillUnit), {
    writes: [...writes, [4 * spillUnit, 5 * spillUnit]],
    tail: spillUnit,
  });
});

/** A text of rows in an area, as passes and rollbacks leave it. */
const anyOps = fc.array(
  fc.record({
    rows: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 400 })),
    back: fc.option(fc.nat(1000), { nil: undefined }),
    copied: fc.option(fc.nat(1000), { nil: undefined, freq: 5 }),
  }),
  { minLength: 1, maxLength: 25 },
);

test('an area is what was stored of a text, however it grows, shrinks and is copied, in a file that is shared', async () => {
  const anyArea = fc.record({
    rowBytes: fc.oneof(fc.integer({ min: 2, max: 700 }), fc.constantFrom(512, 2 ** 14, 20_000)),
    count: fc.integer({ min: 1, max: 300 }),
    units: fc.nat(2),
  });
  await fc.assert(
    fc.asyncProperty(anyArea, anyOps, async ({ rowBytes, count, units }, ops) => {
      const [bytes, end] = [alignUp(count * rowBytes, spillUnit), count * rowBytes];
      const position = units * spillUnit;
      await using reader = new Reader([], { inFlight: 3 });
      const file = reader.add(openKvFile(folder.path, position + bytes + spillUnit));
      using tail = new HostMemory(spillUnit, 'a test');
      const area = new SpilledArea({ reader, file, position, bytes, tail: tail.view(0, spillUnit) });
      using ring = new HostMemory(bytes, 'a test');
      const model: number[] = [];
      let stamp = 0;
      const valid = (image: Uint8Array, from = 0): void => {
        for (const [row, value] of model.entries()) {
          const [first, last] = [row * rowBytes - from, (row + 1) * rowBytes - 1 - from];
          if (first >= 0 && last < image.length)
            assert.deepEqual([image[first], image[last]], [value, value], `row ${row}`);
        }
      };
      for (const { rows, back, copied } of ops) {
        if (back !== undefined) model.length = Math.floor((model.length * back) / 1000);
        const start = model.length;
        const added = Math.min(rows, count - start);
        const reach = ring.view(0, alignUp((start + added) * rowBytes, spillUnit));
        reach.fill(0xff);
        await reader.read(file, reach, position);
        area.update(reach);
        valid(reach);
        if (added === 0) continue;
        for (let row = start; row < start + added; row += 1) {
          stamp = (stamp + 1) % 251;
          model.push(stamp);
          reach.fill(stamp, row * rowBytes, (row + 1) * rowBytes);
        }
        await area.spill(reach, [[start * rowBytes, (start + added) * rowBytes]], end);
        reach.fill(0xee);
        valid(await area.read(0, model.length * rowBytes));
        const from = Math.floor((model.length * rowBytes) / spillUnit / 2) * spillUnit;
        valid(await area.read(from, model.length * rowBytes - from), from);
        if (copied === undefined) continue;
        // The first bytes of another text take its place, as when a text is restored.
        const kept = Math.ceil((model.length * copied) / 1000) || 1;
        model.length = kept;
        const other = new Uint8Array(kept * rowBytes);
        for (let row = 0; row < kept; row += 1) {
          model[row] = (row * 7) % 251;
          other.fill(model[row] ?? 0, row * rowBytes, (row + 1) * rowBytes);
        }
        await area.write(0, other);
        valid(await area.read(0, other.length));
      }
    }),
    { numRuns: 25 },
  );
});

test('where a ring began anew and that is taken back, what was stored before is still there', async () => {
  const rowBytes = 72;
  const end = 260 * rowBytes;
  const bytes = alignUp(end, spillUnit);
  await using reader = new Reader([], { inFlight: 3 });
  const file = reader.add(openKvFile(folder.path, bytes));
  using tail = new HostMemory(spillUnit, 'a test');
  const area = new SpilledArea({ reader, file, position: 0, bytes, tail: tail.view(0, spillUnit) });
  using ring = new HostMemory(bytes, 'a test');
  const image = ring.view(0, bytes);
  const rows = new Uint8Array(260);
  /** A pass that stores rows, in as many ranges as the ring makes of them. */
  const pass = async (stamp: number, ...ranges: readonly (readonly [from: number, to: number])[]): Promise<void> => {
    await reader.read(file, image, 0);
    area.update(image);
    for (const [row, value] of rows.entries()) assert.equal(image[row * rowBytes], value, `row ${row}`);
    for (const [from, to] of ranges) {
      rows.fill(stamp, from, to);
      image.fill(stamp, from * rowBytes, to * rowBytes);
    }
    const dirty = ranges.map(([from, to]) => [from * rowBytes, to * rowBytes] as const);
    await area.spill(image, dirty, end);
  };
  await pass(1, [0, 200]);
  await pass(2, [200, 260], [4, 8]);
  await pass(3, [210, 211]);
  await pass(4, [211, 220]);
  await pass(5);
});

test('a write that fails is WRITE_FAILED, with the place in the file', async () => {
  await using reader = new Reader([], { inFlight: 2 });
  const opened = openKvFile(folder.path, 4 * spillUnit);
  const file = reader.add(opened);
  using memory = new HostMemory(3 * spillUnit, 'a test');
  const place = {
    reader,
    file,
    position: spillUnit,
    bytes: 2 * spillUnit,
    tail: memory.view(2 * spillUnit, spillUnit),
  };
  const area = new SpilledArea(place);
  // Direct writes are refused from memory that begins between two pages.
  const crooked = memory.view(8, 2 * spillUnit);
  if (!opened.direct) return;
  await assert.rejects(
    area.spill(crooked, [[0, 2 * spillUnit]], 2 * spillUnit),
    engineError('WRITE_FAILED', /byte 16384 failed \(EINVAL\)/),
  );
});
