import assert from 'node:assert/strict';
import test from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import fc from 'fast-check';
import { sampleOf } from '../../../test/support/grammar-samples.ts';
import { randomNumbers } from '../../../test/support/random.ts';
import { wholeSchemas } from '../../../test/support/schema-examples.ts';
import { acceptor } from '../accepts.ts';
import type { GrammarNode } from '../node.ts';
import { schemaValues } from './schema.ts';

const ajv = new Ajv2020({ strict: false, multipleOfPrecision: 6 });
formats.default(ajv);

const relaxed = (schema: unknown): GrammarNode => schemaValues(schema, { relaxed: true });

/** Keywords that cannot be enforced, or are no schema, for schemas that have none of them. */
const obstacles: readonly Readonly<Record<string, unknown>>[] = [
  { not: { const: 'x' } },
  { if: { type: 'string' }, else: { minimum: 1 } },
  { uniqueItems: true },
  { contains: { type: 'null' }, minContains: 0 },
  { dependentRequired: { a: ['b'] } },
  { unevaluatedProperties: false },
  { $dynamicRef: '#x' },
  { allOf: [{ not: { const: 1 } }] },
  { allOf: [{ $ref: 'https://example.org/schema' }] },
  { allOf: 'no list' },
  { oneOf: [{ title: 'one' }, { title: 'another' }] },
  { multipleOf: 7 },
  { minLength: -1 },
];

/** A schema whose parts have obstacles, as `random` chooses. */
function obstructed(schema: unknown, random: () => number): unknown {
  if (Array.isArray(schema)) return schema.map((one) => obstructed(one, random));
  if (typeof schema !== 'object' || schema === null) return schema;
  const parts = Object.entries(schema).map(([keyword, value]) => {
    if (['items', 'additionalProperties', 'anyOf', 'prefixItems'].includes(keyword))
      return [keyword, obstructed(value, random)];
    if (keyword !== 'properties') return [keyword, value];
    return [keyword, Object.fromEntries(Object.entries(value).map(([name, one]) => [name, obstructed(one, random)]))];
  });
  const own = Object.fromEntries(parts) as object;
  // Values that are listed are tested by all keywords.
  if ('enum' in own || 'const' in own) return own;
  const more = obstacles[Math.floor(random() * obstacles.length * 2)] ?? {};
  // Either of two multiples may be left out where not both can be enforced.
  const isBeside = Object.keys(more).some(
    (keyword) => keyword in own || (keyword === 'multipleOf' && !('type' in own)),
  );
  return isBeside ? own : { ...own, ...more };
}

test('a relaxed schema has the texts that it has without what cannot be enforced, wherever that stands in it', () => {
  fc.assert(
    fc.property(
      wholeSchemas.map(({ schema }) => schema),
      fc.nat(),
      (schema, seed) => {
        const random = randomNumbers(seed);
        const [node, plain, validate] = [
          relaxed(obstructed(schema, random)),
          schemaValues(schema),
          ajv.compile(schema),
        ];
        const accepts = acceptor(node);
        for (let i = 0; i < 4; i += 1) {
          const [text, own] = [sampleOf(node, random), sampleOf(plain, random)];
          if (text !== undefined) assert.ok(validate(JSON.parse(text)), `${text}: ${ajv.errorsText(validate.errors)}`);
          if (own !== undefined) assert.ok(accepts(own), own);
        }
      },
    ),
    { numRuns: 80 },
  );
});

test('a relaxed schema refuses nothing, and always has a text', () => {
  const named = { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] };
  for (const [schema, texts, others] of [
    [{ ...named, patternProperties: { '^x': {} }, additionalProperties: false }, ['{"a":1}'], ['{"a":"x"}', '[]']],
    [{ ...named, minProperties: 2 }, ['{"a":1}'], ['{}']],
    [{ ...named, properties: { a: { type: 'any' } } }, ['{"a":[{}]}'], ['{}']],
    [{ ...named, properties: { a: 5 } }, ['{"a":{}}'], ['{}']],
    [{ ...named, type: 'dict' }, ['{"a":1}'], ['{}']],
    [
      { allOf: [named, { properties: { b: { const: 1 } } }], additionalProperties: false },
      ['{"a":1,"b":1}'],
      ['{"b":1}'],
    ],
    [{ type: 'array', items: { type: 'null' }, minItems: 3, maxItems: 1 }, ['[null]', '[]'], ['[1]']],
    [{ type: 'string', minLength: 3, maxLength: 1 }, ['"abcd"', '""'], ['1']],
    [{ type: 'integer', minimum: 3, maximum: 1 }, ['2'], ['"2"']],
    [{ type: 'string', enum: [1] }, ['"x"'], ['1']],
    [{ type: 'string', pattern: '(?=a)b', maxLength: 2 }, ['"b"'], ['"abc"']],
    [{ type: 'object', minProperties: 3, maxProperties: 1 }, ['{}'], ['[]']],
    [{ prefixItems: [1], items: false, minItems: 1 }, ['[1]', '["a"]'], ['[]', '[1,2]']],
    [{ $ref: '#/nowhere', type: 'string' }, ['"x"'], ['1']],
    [5, ['1', '{}'], ['x']],
  ] as const) {
    const accepts = acceptor(relaxed(schema));
    for (const text of texts) assert.ok(accepts(text), `${JSON.stringify(schema)}: ${text}`);
    for (const text of others) assert.ok(!accepts(text), `${JSON.stringify(schema)}: not ${text}`);
  }
  let deep: object = { type: 'object' };
  for (let i = 0; i < 5000; i += 1) deep = { type: 'object', properties: { a: deep } };
  const level = { type: 'object', properties: { a: { $ref: '#/$defs/0' }, b: { $ref: '#/$defs/0', title: 'b' } } };
  const many = Array.from({ length: 40 }, (_, i) => [
    i,
    { properties: { a: { $ref: `#/$defs/${i + 1}`, minProperties: 0 }, b: { $ref: `#/$defs/${i + 1}`, title: 'b' } } },
  ]);
  for (const schema of [deep, { ...level, $defs: { ...Object.fromEntries(many), 40: {} } }]) {
    const text = sampleOf(relaxed(schema), randomNumbers(1));
    assert.ok(text?.startsWith('{'));
  }
});
