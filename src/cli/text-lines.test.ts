import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { textLines } from './text-lines.ts';

async function* chunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array, void, void> {
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size);
}

async function linesOf(bytes: Uint8Array | string, size = 7): Promise<readonly string[]> {
  const lines: string[] = [];
  for await (const line of textLines(chunks(Buffer.from(bytes as string), size))) lines.push(line);
  return lines;
}

test('lines come as they are, however the bytes are divided; empty ones are left out', async () => {
  const line = fc.string({ unit: 'grapheme' }).filter((text) => !/[\r\n\0\uFEFF]/.test(text));
  const end = fc.constantFrom('\n', '\r\n');
  await fc.assert(
    fc.asyncProperty(fc.array(line), end, fc.integer({ min: 1, max: 9 }), async (lines, end, size) => {
      assert.deepEqual(
        await linesOf(lines.join(end), size),
        lines.filter((text) => text !== ''),
      );
    }),
  );
});

test('bytes that are no text are refused, and lines that no model takes', async () => {
  await assert.rejects(linesOf(Buffer.from([0x61, 0x0a, 0xff, 0xfe])), /no text in UTF-8/);
  await assert.rejects(linesOf(Buffer.from([0x61, 0xc3])), /no text in UTF-8/);
  await assert.rejects(linesOf('a\nb\0c\n'), /line 2 has a zero byte/);
  await assert.rejects(linesOf('a\nb\n\0'), /line 3 has a zero byte/);
  await assert.rejects(linesOf(`a\n${'x'.repeat(2 ** 22 + 1)}`, 2 ** 16), /line 2 has more than 4194304 characters/);
});
