import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import test from 'node:test';
import fc from 'fast-check';
import { PipedLines } from './chat-lines.ts';

/** The lines of `text`, which comes in pieces of `size` bytes. */
async function linesOf(text: string, size: number, most: number): Promise<readonly string[]> {
  const bytes = Buffer.from(text);
  const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
    bytes.subarray(i * size, (i + 1) * size),
  );
  using lines = new PipedLines(new AbortController().signal, most, Readable.from(pieces));
  const found: string[] = [];
  for (let event = await lines.read(); event.kind === 'line'; event = await lines.read()) found.push(event.text);
  return found;
}

test('lines come as they are, but of one that is too long no more than shows that it is', async () => {
  const line = fc.tuple(fc.constantFrom('a', 'é', '中', ' '), fc.nat(30)).map(([one, times]) => one.repeat(times));
  await fc.assert(
    fc.asyncProperty(
      fc.array(line),
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 20 }),
      async (lines, size, most) => {
        const text = lines.map((one) => `${one}\n`).join('');
        assert.deepEqual(
          await linesOf(text, size, most),
          lines.map((one) => one.slice(0, most + 1)),
        );
      },
    ),
  );
});

test('what follows the last line break is a line', async () => {
  assert.deepEqual(await linesOf('one\r\ntwo', 3, 10), ['one', 'two']);
});

test('a line without end is not held', async () => {
  const megabyte = Buffer.alloc(2 ** 20, 'x');
  let read = 0;
  function* endless(): Generator<Uint8Array> {
    for (; read < 200; read += 1) yield megabyte;
  }
  const before = process.memoryUsage().heapUsed;
  using lines = new PipedLines(new AbortController().signal, 100, Readable.from(endless()));
  assert.deepEqual(await lines.read(), { kind: 'line', text: 'x'.repeat(101), pasted: false });
  assert.equal(read, 200);
  assert.ok(process.memoryUsage().heapUsed - before < 100 * megabyte.length);
});
