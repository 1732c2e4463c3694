import assert from 'node:assert/strict';
import test from 'node:test';
import { readmeLists } from './support/options-list.ts';

test('README.md lists every option as the command line has it (npx tsx test/support/options-list.ts writes it)', () => {
  const { actual, expected } = readmeLists();
  assert.equal(actual, expected);
});
