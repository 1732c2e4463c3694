import assert from 'node:assert/strict';
import test from 'node:test';
import { engineError } from '../../../test/support/engine-error.ts';
import { checkStrictTools } from './strict-tools.ts';

const check = (parameters: Record<string, unknown>, strict = true): void =>
  checkStrictTools([{ name: 'add', parameters, strict }]);
const withX = (x: unknown, required = ['x']): Record<string, unknown> => ({
  type: 'object',
  properties: { x },
  required,
});

test('a strict tool with a part that no value fits is refused by its name and the place', () => {
  for (const [parameters, place] of [
    [withX({ enum: [] }), '#/properties/x'],
    [withX({ enum: [] }, []), '#/properties/x'],
    [withX({ type: 'array', minItems: 3, maxItems: 2 }), '#/properties/x'],
    [withX({ type: 'array', items: { type: 'string', enum: [7] } }), '#/properties/x/items'],
    [withX({ type: 'integer', minimum: 2, maximum: 1 }), '#/properties/x'],
    [withX({ type: 'string', minLength: 2, maxLength: 1 }), '#/properties/x'],
    [withX({ anyOf: [{ enum: [] }, { const: 1, type: 'string' }] }), '#/properties/x'],
    [withX({ $ref: '#/$defs/none' }), undefined],
    [withX({ $ref: '#' }), '#'],
  ] as const) {
    const schema = { ...parameters, $defs: { none: { enum: [] } } };
    const message = new RegExp(`^.*${place ?? '#/\\$defs/none'} of the strict tool add: `);
    assert.throws(
      () => check(schema),
      (error) => engineError('BAD_GRAMMAR')(error) && message.test((error as Error).message),
      JSON.stringify(parameters),
    );
    check(schema, false);
  }
});

test('what a strict schema forbids on purpose is none of its mistakes', () => {
  for (const parameters of [
    {},
    withX(false, []),
    withX({ anyOf: [{ enum: [] }, { type: 'string' }] }),
    withX({ type: 'array', prefixItems: [{ type: 'string' }], items: false }),
    withX({ type: 'array', maxItems: 0 }),
    withX({ anyOf: [{ $ref: '#' }, { type: 'null' }] }),
  ]) {
    check(parameters);
  }
});
