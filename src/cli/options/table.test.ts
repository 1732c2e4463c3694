import assert from 'node:assert/strict';
import test from 'node:test';
import { EngineError } from '../../base/errors.ts';
import { accept } from './schemas.ts';
import { optionEntries } from './table.ts';

test('an option takes its own default', () => {
  for (const [key, { schema, default: byDefault }] of optionEntries) {
    assert.deepEqual(schema.parse(byDefault), byDefault, key);
  }
});

const noPrototype: unknown = Object.assign(Object.create(null), { x: 1 });
const wrong = ['nothing of the kind', '-7', ['x'], [7], { x: 1 }, noPrototype, -1, 0.5, 1e300, true, null, '\n', ''];

test('whatever is wrong with a value, what is expected is said once, in our words', () => {
  const refusal = (option: string, expected: string): Error =>
    new EngineError('BAD_OPTION', { option, value: '', expected });
  for (const [key, { schema, variables }] of optionEntries) {
    // Others are texts of flags.
    if (!variables) continue;
    let refused = 0;
    for (const value of wrong) {
      try {
        accept(schema, value, (expected) => refusal(key, expected));
      } catch (error) {
        assert.ok(error instanceof EngineError, `${key}: ${error}`);
        assert.match(error.message, /is not valid; expected (?!expected|Invalid|.*received|.*undefined).+$/);
        refused += 1;
      }
    }
    assert.ok(refused > 0, key);
  }
});
