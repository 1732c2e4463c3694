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

test('older objects that are garbage take half of what those in use take, and no more', () => {
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
  assert.ok(most < 1.5 * before + 2 ** 23, `${before} bytes became ${most}`);
});
