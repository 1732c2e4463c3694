import assert from 'node:assert/strict';
import test from 'node:test';
import { runSuite } from './suite.ts';

test('a filter that no test file fits fails, also beside one that some do', () => {
  assert.equal(runSuite(['no-such-folder/']), 1);
  assert.equal(runSuite(['plan/ring', 'no-such-folder/']), 1);
});
