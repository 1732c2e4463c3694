import assert from 'node:assert/strict';
import test from 'node:test';
import { optionsLists } from './support/options-list.ts';

test('docs/options.md lists every option as the command line has it (npx tsx test/support/options-list.ts writes it)', () => {
  const { actual, expected } = optionsLists();
  assert.equal(actual, expected);
});
