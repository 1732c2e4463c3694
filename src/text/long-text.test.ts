import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { collectGarbage } from '../base/garbage.ts';
import { LongText } from './long-text.ts';

test('a text is all of its pieces, whenever somebody looks at it', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string(), { maxLength: 60 }),
      fc.integer({ min: 0, max: 60 }),
      fc.nat(50),
      (some, looked, times) => {
        const pieces = Array.from({ length: times }, () => some).flat();
        const text = new LongText();
        for (const [i, piece] of pieces.entries()) {
          if (i === looked) assert.equal(`${text}`, pieces.slice(0, i).join(''));
          text.push(piece);
        }
        assert.equal(`${text}`, pieces.join(''));
      },
    ),
    { numRuns: 50 },
  );
});

test('a text of many pieces takes little more than its characters', () => {
  const used = (): number => {
    collectGarbage();
    return process.memoryUsage().heapUsed;
  };
  const before = used();
  const text = new LongText();
  const pieces = 200_000;
  for (let i = 0; i < pieces; i += 1) text.push(String(1000 + (i % 9000)));
  const taken = used() - before;
  assert.ok(taken < 10 * pieces, `${taken} bytes for ${4 * pieces} characters`);
  assert.equal(`${text}`.length, 4 * pieces);
});
