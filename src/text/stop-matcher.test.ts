import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { StopMatcher } from './stop-matcher.ts';

/** Everything that comes out, and whether a stop string was met. */
function run(stops: readonly string[], pieces: readonly string[]): readonly [string, boolean] {
  const matcher = new StopMatcher(stops);
  const passed = pieces.map((piece) => matcher.push(piece));
  return [passed.map(({ text }) => text).join('') + matcher.end(), passed.some(({ stopped }) => stopped)];
}

/** Reads character by character and ends where the text first ends with a stop string. */
function naive(stops: readonly string[], text: string): readonly [string, boolean] {
  for (let end = 1; end <= text.length; end++) {
    const met = stops.filter((stop) => stop !== '' && text.slice(0, end).endsWith(stop));
    if (met.length > 0) return [text.slice(0, end - Math.max(...met.map((stop) => stop.length))), true];
  }
  return [text, false];
}

test('a stop string ends the text and is not part of it', () => {
  assert.deepEqual(run(['END'], ['one END two']), ['one ', true]);
  assert.deepEqual(run(['END'], ['one E', 'N', 'D two']), ['one ', true]);
});

test('only what could still become a stop string is held back', () => {
  const matcher = new StopMatcher(['\n\nUser:']);
  assert.deepEqual(matcher.push('one\n'), { text: 'one', stopped: false });
  assert.deepEqual(matcher.push('\nUse'), { text: '', stopped: false });
  assert.deepEqual(matcher.push('ful\n'), { text: '\n\nUseful', stopped: false });
  assert.equal(matcher.end(), '\n');
  assert.equal(matcher.end(), '');
});

test('after a stop string nothing comes any more', () => {
  const matcher = new StopMatcher(['.']);
  assert.deepEqual(matcher.push('a.b'), { text: 'a', stopped: true });
  assert.deepEqual(matcher.push('c'), { text: '', stopped: true });
  assert.equal(matcher.end(), '');
});

test('the stop string that is complete first counts', () => {
  assert.deepEqual(run(['abcdef', 'cd'], ['xabcdef']), ['xab', true]);
  assert.deepEqual(run(['bc', 'abc'], ['xabc']), ['x', true]);
});

test('without stop strings everything passes at once', () => {
  assert.deepEqual(new StopMatcher([]).push('text'), { text: 'text', stopped: false });
  assert.deepEqual(new StopMatcher(['']).push('text'), { text: 'text', stopped: false });
});

test('however the text is cut, the result is that of a search in the whole text', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 5 });
  fc.assert(
    fc.property(fc.array(word, { maxLength: 4 }), fc.array(word, { maxLength: 20 }), (stops, pieces) => {
      assert.deepEqual(run(stops, pieces), naive(stops, pieces.join('')));
    }),
    { numRuns: 2000 },
  );
});

test('pieces that are not shown count for stop strings, and are no part of the answer however the text is cut', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 4 });
  const pieces = fc.array(fc.tuple(word, fc.boolean()), { maxLength: 20 });
  fc.assert(
    fc.property(fc.array(word, { maxLength: 4 }), pieces, (stops, told) => {
      const matcher = new StopMatcher(stops);
      const passed = told.map(([piece, shown]) => matcher.push(piece, shown));
      const answer = passed.map(({ text }) => text).join('') + matcher.end();
      const [before, stopped] = naive(stops, told.map(([piece]) => piece).join(''));
      const shown = told.flatMap(([piece, isShown]) => Array.from(piece, (unit) => (isShown ? unit : '')));
      assert.deepEqual([answer, passed.some((one) => one.stopped)], [shown.slice(0, before.length).join(''), stopped]);
    }),
    { numRuns: 2000 },
  );
});

test('what is held back is always the beginning of a stop string', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(fc.array(word, { maxLength: 3 }), fc.array(word, { maxLength: 9 }), (stops, pieces) => {
      const matcher = new StopMatcher(stops);
      const stopped = pieces.some((piece) => matcher.push(piece).stopped);
      const held = matcher.end();
      assert.ok(stopped ? held === '' : held === '' || stops.some((stop) => stop !== held && stop.startsWith(held)));
    }),
  );
});

test('there may be any number of stop strings', () => {
  const matcher = new StopMatcher(Array.from({ length: 200_000 }, (_, i) => `<${i}>`));
  assert.deepEqual(matcher.push('a<7'), { text: 'a', stopped: false });
  assert.deepEqual(matcher.push('>b'), { text: '', stopped: true });
});
