import assert from 'node:assert/strict';
import test from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import fc from 'fast-check';
import { engineError } from '../../../test/support/engine-error.ts';
import { sampleOf } from '../../../test/support/grammar-samples.ts';
import { randomNumbers } from '../../../test/support/random.ts';
import { checkTexts, refusedAt } from '../../../test/support/schema-checks.ts';
import { wholeSchemas } from '../../../test/support/schema-examples.ts';
import { acceptor } from '../accepts.ts';
import { schemaValues } from './schema.ts';

const ajv = new Ajv2020({ strict: false, multipleOfPrecision: 6 });
formats.default(ajv);

test('each text of a schema is JSON, and a value of the schema', () => {
  fc.assert(
    fc.property(wholeSchemas, fc.nat(), ({ schema }, seed) => {
      const [node, validate, random] = [schemaValues(schema), ajv.compile(schema), randomNumbers(seed)];
      const accepts = acceptor(node);
      for (let i = 0; i < 8; i += 1) {
        const text = sampleOf(node, random);
        if (text === undefined) continue;
        assert.ok(accepts(text), text);
        assert.ok(validate(JSON.parse(text)), `${text}: ${ajv.errorsText(validate.errors)}`);
      }
    }),
    { numRuns: 200 },
  );
});

/** False where a part is missing: formats have no examples here. */
const isWhole = (value: unknown): boolean =>
  value !== undefined && Object.values(Object(value)).every((part) => typeof value === 'string' || isWhole(part));

test('values of a schema are texts of it, with and without blanks', () => {
  const pairs = wholeSchemas.chain(({ schema, value }) =>
    fc.tuple(fc.constant(schema), fc.array(value, { maxLength: 4 })),
  );
  fc.assert(
    fc.property(pairs, ([schema, values]) => {
      const accepts = acceptor(schemaValues(schema));
      for (const value of values) {
        if (!isWhole(value) || !ajv.validate(schema, value)) continue;
        assert.ok(accepts(JSON.stringify(value)), JSON.stringify(value));
        assert.ok(accepts(JSON.stringify(value, null, 2)), JSON.stringify(value));
      }
    }),
    { numRuns: 200 },
  );
});

test('properties come in the order of the schema, others only where it says what they are', () => {
  const named = {
    type: 'object',
    properties: { a: { type: 'integer' }, b: { type: ['string', 'null'] } },
    required: ['b'],
  };
  checkTexts(
    named,
    ['{"b":null}', '{"a": 1, "b": "x"}'],
    ['{"a":1}', '{"b":"x","a":1}', '{"b":"x","c":1}', '{"b":"x",}'],
  );
  checkTexts(
    { ...named, additionalProperties: { type: 'boolean' } },
    ['{"b":null,"c":true}', '{"b":null,"ab":true,"":false}'],
    ['{"b":null,"b":true}', '{"b":null,"\\u0062":true}', '{"b":null,"a":true}', '{"c":true,"b":null}'],
  );
  checkTexts({ type: 'object' }, ['{}', '{"x":[1,{"y":null}]}'], ['[]', '{"x"}']);
  checkTexts({ type: 'object', maxProperties: 1 }, ['{}', '{"x":1}'], ['{"x":1,"y":2}']);
  checkTexts({ patternProperties: { '^x-': { type: 'integer' } } }, ['{}', '{"x-a":1}'], ['{"y":1}']);
  checkTexts({ propertyNames: { enum: ['a', 'b'] }, minProperties: 1 }, ['{"a":1}'], ['{}', '{"c":1}']);
});

test('a schema may refer to itself, by pointer or anchor, and to others with keywords beside the reference', () => {
  const next = { anyOf: [{ $ref: '#/$defs/node', description: 'the rest' }, { type: 'null' }] };
  const node = { type: 'object', properties: { next, kind: { $ref: '#kind', const: 'b' } }, required: ['next'] };
  checkTexts(
    { $ref: '#/$defs/node', $defs: { node, kind: { $anchor: 'kind', enum: ['a', 'b'] } } },
    ['{"next":null}', '{"next":{"next":{"next":null},"kind":"b"}}'],
    ['{"next":{}}', '{"next":null,"kind":"a"}'],
  );
  checkTexts({ type: 'array', items: { $ref: '#' } }, ['[]', '[[],[[]]]'], ['[1]']);
  refusedAt({ properties: { a: { $ref: '#/$defs/x' } } }, '#/properties/a/$ref');
  refusedAt({ $ref: 'https://example.org/schema' }, '#/$ref');
  refusedAt({ $ref: '#' }, '#/$ref');
  refusedAt(
    { $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } }, items: { $ref: '#/$defs/a' } },
    '#/items/$ref',
  );
});

test('all of several schemas hold at once, and one of several where they exclude each other', () => {
  const a = { type: 'object', properties: { a: { type: ['string', 'integer'] } }, required: ['a'] };
  const b = { properties: { a: { type: 'integer', minimum: 3 }, b: {} }, required: ['b'] };
  checkTexts({ allOf: [a, b] }, ['{"a":3,"b":[]}'], ['{"a":2,"b":1}', '{"a":"x","b":1}', '{"a":3}']);
  const kind = (name: string): object => ({ properties: { kind: { const: name } }, required: ['kind'] });
  checkTexts({ oneOf: [kind('x'), kind('y')] }, ['{"kind":"x"}', '{"kind":"y"}'], ['{"kind":"z"}']);
  checkTexts({ ...a, anyOf: [{ required: ['a'] }, { required: ['b'] }] }, ['{"a":1}', '{"a":1,"b":2}'], ['{"b":2}']);
  refusedAt({ oneOf: [{ type: 'number' }, { type: 'string' }, { type: 'integer' }] }, '#/oneOf');
  refusedAt({ allOf: [{ pattern: 'a' }, { pattern: 'b' }] }, '#/allOf/1/pattern');
});

test('what cannot be enforced, or is no schema, is refused with its place', () => {
  refusedAt({ properties: { 'a/b': { not: { type: 'string' } } } }, '#/properties/a~1b/not');
  refusedAt({ items: { uniqueItems: true } }, '#/items/uniqueItems');
  refusedAt({ $defs: { x: { if: true } }, items: [{ $ref: '#/$defs/x' }] }, '#/$defs/x/if');
  refusedAt({ multipleOf: 3 }, '#/multipleOf');
  refusedAt({ pattern: 'a+', maxLength: 3 }, '#/maxLength');
  refusedAt({ pattern: '(a' }, '#/pattern, character 3');
  refusedAt({ type: 'text' }, '#/type');
  refusedAt({ required: 'a' }, '#/required');
  refusedAt({ minLength: -1 }, '#/minLength');
  refusedAt({ properties: { a: 1 } }, '#/properties/a');
  refusedAt({ enum: 'a' }, '#/enum');
  refusedAt([], '#');
  refusedAt('x', '#');
  refusedAt(false, '#');
  refusedAt({ type: 'integer', enum: ['a'] }, '#');
  refusedAt({ properties: { a: { enum: [] } }, required: ['a'] }, '#/properties/a');
});

test('no schema makes the compiler fail in another way', () => {
  const keyword = fc.constantFrom(
    'type',
    'properties',
    'items',
    'anyOf',
    'allOf',
    'oneOf',
    '$ref',
    'enum',
    'const',
    'minimum',
    'maxLength',
    'pattern',
    'required',
    'minItems',
    'prefixItems',
    'additionalProperties',
    '$ref',
    'const',
  );
  const reference = fc.constantFrom('#', '#/properties/a', '#/$defs/a', '#/$defs/b').map(($ref) => ({ $ref }));
  const value = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'medium' },
      fc.constantFrom(
        'object',
        'array',
        'string',
        'integer',
        'null',
        '#',
        '#/properties/a',
        1,
        -3,
        2.5,
        true,
        false,
        null,
        'a*',
      ),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(fc.oneof(keyword, fc.constant('a')), tie('value'), { maxKeys: 4 }),
      reference,
      fc.tuple(reference, fc.dictionary(keyword, tie('value'), { maxKeys: 2 })).map(([a, b]) => ({ ...b, ...a })),
    ),
  })).value;
  const part = fc.dictionary(keyword, value, { maxKeys: 4 });
  fc.assert(
    fc.property(part, fc.record({ a: part, b: part }), (schema, $defs) => {
      try {
        acceptor(schemaValues({ ...schema, $defs }))('{"a": [1]}');
      } catch (error) {
        engineError('BAD_GRAMMAR')(error);
      }
      schemaValues({ ...schema, $defs }, { relaxed: true });
    }),
    { numRuns: 2000 },
  );
  let deep: unknown = true;
  for (let i = 0; i < 5000; i += 1) deep = { items: deep };
  assert.throws(() => schemaValues(deep), engineError('BAD_GRAMMAR', 'within each other'));
});
