import test from 'node:test';
import { checkTexts, refusedAt } from '../../../test/support/schema-checks.ts';

test('constants are values by every keyword beside them, whatever the order of their properties', () => {
  checkTexts({ additionalProperties: { const: {}, $ref: '#' } }, ['{}', '{"a":{}}'], ['{"a":{"a":{}}}', '{"a":1}']);
  const values = [{ b: 1, a: 'x' }, { a: 'xyz' }, { a: 'x', c: 1 }, 'x', 3];
  const properties = { a: { type: 'string', maxLength: 1 }, b: { minimum: 1 } };
  checkTexts(
    { enum: values, type: 'object', properties },
    ['{"b":1,"a":"x"}', '{"a":"x","c":1}'],
    ['{"a":"xyz"}', '"x"'],
  );
  checkTexts({ enum: values, type: ['object'], required: ['b'] }, ['{"b":1,"a":"x"}'], ['{"a":"xyz"}', '3']);
  checkTexts({ enum: ['ab', 'b'], pattern: '^a', minLength: 2 }, ['"ab"'], ['"b"']);
  checkTexts({ enum: [2, 0.3, 7], multipleOf: 0.1, exclusiveMaximum: 7 }, ['2', '0.3'], ['7']);
  checkTexts({ const: { a: 1, b: 2 }, enum: [{ b: 2, a: 1 }, {}] }, ['{"b":2,"a":1}'], ['{}']);
  const slow = { const: 'a'.repeat(2000), pattern: '^(a|aa)*b$' };
  refusedAt(slow, '#');
});
