import assert from 'node:assert/strict';
import test from 'node:test';
import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8';
import { collectGarbage } from '../base/garbage.ts';
import { limitGarbage } from './process-memory.ts';

test('objects that are garbage soon do not make the heap of young ones grow', () => {
  limitGarbage();
  const youngBytes = (): number =>
    getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ?? assert.fail();
  const before = youngBytes();
  let alive: object[] = [];
  for (let i = 0; i < 2e6; i += 1) {
    alive.push({ i });
    if (alive.length > 2e5) alive = [];
  }
  assert.ok(youngBytes() <= before, `${before} bytes became ${youngBytes()}`);
});

// V8 begins to mark when they have grown by a third, and objects are made while it marks: 1.8 times were seen, 4.5 without the limit.
test('older objects that are garbage do not take several times what those in use take', () => {
  limitGarbage();
  const alive: object[] = Array.from({ length: 1e6 }, (_, i) => ({ i }));
  collectGarbage();
  const usedBytes = (): number => getHeapStatistics().used_heap_size;
  const before = usedBytes();
  let most = 0;
  for (let i = 0; i < 8e6; i += 1) {
    alive[i % alive.length] = { i };
    if (i % 1e5 === 0) most = Math.max(most, usedBytes());
  }
  assert.ok(most < 2.5 * before + 2 ** 23, `${before} bytes became ${most}`);
});
