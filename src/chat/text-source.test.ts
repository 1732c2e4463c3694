import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { type Reading, TextSource } from './text-source.ts';

/** The result of a reading over text that comes in pieces. */
function result<T>(pieces: readonly string[], reading: (source: TextSource) => Reading<T>): T {
  const source = new TextSource();
  const running = reading(source);
  for (const piece of pieces) {
    source.push(piece);
    const step = running.next();
    if (step.done === true) return step.value;
  }
  source.end();
  const step = running.next();
  assert.ok(step.done);
  return step.value;
}

const text = fc.array(fc.constantFrom('a', '<', '<<', '<a', '>', '<a>', '<<a>', ' '), { maxLength: 20 });

test('a reading finds the same mark, and hands over the same text, however that was cut', () => {
  fc.assert(
    fc.property(text, (pieces) => {
      const whole = pieces.join('');
      const marks = ['<a>', '>'];
      const first = Math.min(...marks.map((mark) => (whole.includes(mark) ? whole.indexOf(mark) : whole.length)));
      const [mark, before] = result(pieces, function* (source) {
        let before = '';
        const mark = yield* source.until(marks, (some) => {
          before += some;
        });
        return [mark, before] as const;
      });
      assert.equal(before, whole.slice(0, first));
      assert.equal(mark, first < whole.length ? marks.find((one) => whole.startsWith(one, first)) : undefined);
    }),
  );
});

test('a mark that holds another one is found where it begins', () => {
  const found = (pieces: readonly string[]): string | undefined =>
    result(pieces, (source) => source.until(['```', 'Do:\n```json'], () => {}));
  assert.equal(found(['Do:\n```', 'json']), 'Do:\n```json');
  assert.equal(found(['Do:\n```', 'yaml']), '```');
  assert.equal(found(['Do:\n```']), '```');
});

test('a reading goes back as far as the last commit', () => {
  const words = result(['one two', ' three'], function* (source) {
    yield* source.skip('one ');
    source.commit();
    const start = source.position;
    const first = yield* source.while(/\w/);
    source.position = start;
    return [first, yield* source.textUntil([' '], 10), yield* source.textUntil(['e'], 2)];
  });
  assert.deepEqual(words, ['two', 'two', undefined]);
});
