import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import type { Memory } from '../ggml/memory.ts';
import { pageBytes } from '../ggml/system.ts';
import type { Slice } from '../plan/slices.ts';
import { ReadBuffers } from './read-buffers.ts';
import { Uploads } from './uploads.ts';

/** Memory of a device that is full of old bytes, and records what is written to it. */
class OldMemory {
  readonly bytes: Uint8Array;

  constructor(bytes: number) {
    this.bytes = new Uint8Array(bytes).fill(0xee);
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    const copied = bytes.slice();
    await new Promise(setImmediate);
    this.bytes.set(copied, offset);
  }
}

const file = Uint8Array.from({ length: 12 * pageBytes }, (_, i) => 1 + (i % 199));

const sliceOf = (offset: number, length: number, id = 0): Slice =>
  ({ id, extent: { file: 0, offset, length } }) as Partial<Slice> as Slice;

test('a slice is uploaded as it is in the file, with zeros behind it as far as kernels read, and nothing beyond', async () => {
  const slices = fc.record({
    offset: fc.integer({ min: 0, max: 4 * pageBytes }),
    length: fc.integer({ min: 1, max: 6 * pageBytes }),
    padding: fc.integer({ min: 0, max: 600 }),
    at: fc.integer({ min: 0, max: 1000 }),
    held: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(slices, async ({ offset, length, padding, at, held }) => {
      let reads = 0;
      using buffers = new ReadBuffers(2, 2 * pageBytes);
      const reader = {
        read: async (_: number, into: Uint8Array, position: number): Promise<void> => {
          reads += 1;
          into.set(file.subarray(position, position + into.length));
        },
      };
      const pages = new Uint8Array(12 * pageBytes).subarray(0, pagesOf(offset, length));
      const uploads = new Uploads({
        reader,
        buffers,
        paddingOf: () => padding,
        held: held ? new Map([[0, pages]]) : new Map(),
      });
      for (let pass = 0; pass < 2; pass += 1) {
        const memory = new OldMemory(at + length + padding + 100);
        const device = uploads.to(memory as unknown as Memory, at, sliceOf(offset, length));
        assert.equal(device.byteLength, length + padding);
        await device.bring();
        const expected = new OldMemory(memory.bytes.length).bytes;
        expected.set(file.subarray(offset, offset + length), at);
        expected.fill(0, at + length, at + length + padding);
        assert.deepEqual(memory.bytes, expected);
        if (held) assert.equal(reads, 1, 'what is held is read once');
      }
    }),
    { numRuns: 60 },
  );
});

const pagesOf = (offset: number, length: number): number => {
  const start = Math.floor(offset / pageBytes) * pageBytes;
  return Math.ceil((offset + length - start) / pageBytes) * pageBytes;
};
