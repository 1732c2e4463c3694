import assert from 'node:assert/strict';
import test from 'node:test';
import { valueKind } from './choices.ts';
import { optionEntries } from './table.ts';

const kindOf = (key: string): unknown => {
  const [, spec] = optionEntries.find(([name]) => name === key) ?? assert.fail(key);
  return valueKind(spec.flags, spec);
};

test('what a shell may offer for a value follows from its schema and its flag', () => {
  assert.deepEqual(kindOf('kvType'), { kind: 'choices', choices: ['f16', 'q8_0', 'q4_0'] });
  assert.deepEqual(kindOf('ropeScaling'), { kind: 'choices', choices: ['none', 'linear', 'yarn'] });
  assert.deepEqual(kindOf('draftModel'), { kind: 'model' });
  assert.deepEqual(kindOf('lora'), { kind: 'file' });
  assert.deepEqual(kindOf('kvDir'), { kind: 'folder' });
  assert.deepEqual(kindOf('memoryBudget'), { kind: 'other' });
  assert.equal(kindOf('raw'), undefined);
});

test('a choice that is offered is taken', () => {
  for (const [key, spec] of optionEntries) {
    const value = valueKind(spec.flags, spec);
    if (value?.kind !== 'choices') continue;
    for (const choice of value.choices) assert.ok(spec.schema.safeParse(choice).success, `${key} ${choice}`);
  }
});
