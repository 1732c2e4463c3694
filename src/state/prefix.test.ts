import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { anyText } from '../../test/support/caches.ts';
import { commonPrefix, longestPrefix } from './prefix.ts';

const anyTexts = fc.array(
  anyText(12).map((tokens) => ({ tokens, exact: 0, written: tokens.length, snapshots: [] })),
  { maxLength: 6 },
);

test('what two texts begin with alike is the longest prefix that both have', () => {
  fc.assert(
    fc.property(anyText(12), anyText(12), (a, b) => {
      const n = commonPrefix(a, b);
      assert.deepEqual(a.slice(0, n), b.slice(0, n));
      assert.ok(n === a.length || n === b.length || a[n] !== b[n]);
      assert.equal(commonPrefix(b, a), n);
    }),
  );
  assert.equal(commonPrefix([], [1]), 0);
});

test('of several texts the one that has most in common is found, the latest of equals, or none', () => {
  fc.assert(
    fc.property(anyTexts, anyText(12), (entries, tokens) => {
      const found = longestPrefix(entries, tokens);
      const lengths = entries.map((entry) => commonPrefix(entry.tokens, tokens));
      const most = Math.max(0, ...lengths);
      assert.equal(found?.length ?? 0, most);
      assert.equal(found?.entry, most > 0 ? entries[lengths.lastIndexOf(most)] : undefined);
    }),
  );
});
