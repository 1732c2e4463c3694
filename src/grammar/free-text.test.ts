import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { acceptor as matcher } from './accepts.ts';
import { begunWith, triggered, untilText } from './free-text.ts';
import { literal } from './node.ts';

const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'é'), maxLength: 12 });
const words = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'é'), minLength: 1, maxLength: 4 }), {
  minLength: 1,
  maxLength: 3,
});

/** The place behind the first of `ends` that comes up in a text; -1 if none does. */
function behindFirst(ends: readonly string[], text: string): number {
  for (let length = 1; length <= text.length; length += 1) {
    if (ends.some((end) => text.slice(0, length).endsWith(end))) return length;
  }
  return -1;
}

test('a text is read until one of its ends has come, and no further', () => {
  fc.assert(
    fc.property(words, letters, (ends, written) => {
      const length = behindFirst(ends, written);
      assert.equal(matcher(untilText(ends))(written), length === written.length);
    }),
  );
});

test('behind a trigger comes only what has to follow, and then any text again if it may come again', () => {
  fc.assert(
    fc.property(words, letters, fc.boolean(), (triggers, written, again) => {
      const allowed = (rest: string): boolean => {
        const length = behindFirst(triggers, rest);
        if (length < 0) return true;
        const behind = rest.slice(length);
        return again ? behind.startsWith('é') && allowed(behind.slice(1)) : behind === 'é';
      };
      assert.equal(matcher(triggered(triggers, literal('é'), again))(written), allowed(written));
    }),
  );
});

test('a text that begins with a start goes on as that wants; any other is free', () => {
  const starts = fc.uniqueArray(fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 3, maxLength: 3 }), {
    minLength: 1,
  });
  fc.assert(
    fc.property(starts, letters, (starts, written) => {
      const start = starts.find((one) => written.startsWith(one));
      const matches = matcher(begunWith(starts.map((start) => ({ start, after: literal('é') }))));
      assert.equal(matches(written), start === undefined || written === `${start}é`);
    }),
  );
});
