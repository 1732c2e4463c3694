import assert from 'node:assert/strict';
import test from 'node:test';
import { idleThoughts } from './idle-thoughts.ts';

test('an option of thoughts that changes nothing is told', () => {
  const noThink = 'beside --no-think';
  const noThoughts = 'here: the model does not think';
  for (const [settings, thinks, expected] of [
    [{}, false, []],
    [{ think: false }, false, []],
    [{ think: 'none' }, false, []],
    [{ think: true, thinkBudget: 5 }, true, []],
    [{ think: 'none', thinkBudget: 5 }, true, [`--think-budget changes nothing ${noThink}`]],
    [{ think: false, thinkBudget: 5 }, true, [`--think-budget changes nothing ${noThink}`]],
    [{ think: 'low' }, false, [`--think changes nothing ${noThoughts}`]],
    [{ thinkBudget: 0 }, false, [`--think-budget changes nothing ${noThoughts}`]],
  ] as const) {
    assert.deepEqual(idleThoughts(settings, thinks), expected);
  }
});
