import assert from 'node:assert/strict';
import test from 'node:test';
import { choiceSeconds } from './choice-seconds.ts';

test('choosing a token takes some time', () => {
  const seconds = choiceSeconds(4096);
  assert.ok(seconds > 0 && Number.isFinite(seconds));
});
