import assert from 'node:assert/strict';
import test from 'node:test';
import { getHeapSpaceStatistics } from 'node:v8';
import { limitYoungGeneration } from './process-memory.ts';

test('objects that are garbage soon do not make the heap of young ones grow', () => {
  limitYoungGeneration();
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
