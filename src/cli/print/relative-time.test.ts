import assert from 'node:assert/strict';
import test from 'node:test';
import { relativeTime } from './relative-time.ts';

test('a moment is said as people say it', () => {
  const now = Date.UTC(2030, 0);
  for (const [seconds, text] of [
    [-1, '1 second ago'],
    [-59, '59 seconds ago'],
    [-61, '1 minute ago'],
    [-3 * 86_400, '3 days ago'],
    [-14 * 86_400, '2 weeks ago'],
    [-500 * 86_400, '1 year ago'],
    [299.6, 'in 5 minutes'],
    [7_300, 'in 2 hours'],
    [0, 'in 0 seconds'],
  ] as const) {
    assert.equal(relativeTime(new Date(now + seconds * 1000), now), text);
  }
  assert.equal(relativeTime(new Date(Date.UTC(2318, 0)), now), 'never');
});
