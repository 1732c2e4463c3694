import assert from 'node:assert/strict';
import test from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import fc from 'fast-check';
import { joinedAnswer } from '../../../test/support/call-transcripts.ts';
import { sampleOf } from '../../../test/support/grammar-samples.ts';
import { randomNumbers } from '../../../test/support/random.ts';
import { wholeSchemas } from '../../../test/support/schema-examples.ts';
import { acceptor } from '../../grammar/accepts.ts';
import { grammarOf } from '../../grammar/source.ts';
import { answerGrammar } from '../answer-grammar.ts';
import type { Tool } from '../message.ts';
import type { CallFormat } from './call-format.ts';
import { callFormats } from './call-formats.ts';
import { CallReader } from './call-reader.ts';
import { writeCall } from './write-call.ts';

const ajv = new Ajv2020({ strict: false, multipleOfPrecision: 6, allowUnionTypes: true });
formats.default(ajv);

test('what the grammar of a format allows, its reader reads as arguments of the schema', () => {
  const schemas = wholeSchemas.map(({ schema }) => schema).filter((schema) => !JSON.stringify(schema).includes('$ref'));
  const parameters = fc.tuple(schemas, schemas, fc.subarray(['a', 'b'])).map(([a, b, required]) => ({
    type: 'object',
    properties: { a, b },
    required,
    additionalProperties: false,
  }));
  fc.assert(
    fc.property(parameters, fc.nat(), (parameters, seed) => {
      const [random, validate] = [randomNumbers(seed), ajv.compile(parameters)];
      const tools = [{ name: 'tide', parameters }];
      for (const format of callFormats) {
        const source = answerGrammar({ calls: { format, tools, choice: 'required', parallel: false } }, undefined);
        assert.ok(source);
        const text = sampleOf(grammarOf(source), random);
        if (text === undefined) continue;
        const reader = new CallReader({ format, tools }, () => 'id');
        const { calls } = joinedAnswer([...reader.push(text), ...reader.end()]);
        for (const call of calls) {
          const isRight = validate(JSON.parse(call.arguments));
          assert.ok(isRight, `${format.name}: ${text}: ${call.arguments}: ${ajv.errorsText(validate.errors)}`);
        }
        assert.ok(calls.length > 0, `${format.name}: ${text}`);
      }
    }),
    { numRuns: 12 },
  );
});

/** A test of whole calls of one tool, which must be called, in a format. */
function calls(format: CallFormat, parameters: Tool['parameters']): (args: object) => boolean {
  const tools = [{ name: 'tide', parameters }];
  const source = answerGrammar({ calls: { format, tools, choice: 'required', parallel: false } }, undefined);
  assert.ok(source);
  const accepts = acceptor(grammarOf(source));
  return (args) => {
    const text = writeCall(format, { name: 'tide', arguments: JSON.stringify(args) });
    return accepts(format.name === 'gpt-oss' ? text.replace('<|call|>', '') : text);
  };
}

test('a keyword that cannot be enforced leaves out nothing but itself, in every format', () => {
  const parameters = {
    type: 'object',
    properties: {
      port: { type: 'string', enum: ['Ives', 'Looe'], not: { const: 'Hull' } },
      days: { type: 'array', items: { type: 'integer' }, uniqueItems: true },
    },
    required: ['port'],
    if: { required: ['days'] },
    dependentRequired: { days: ['port'] },
  };
  for (const format of callFormats) {
    const allowed = calls(format, parameters);
    const tried = [
      { port: 'Ives', days: [1, 2] },
      { port: 'Looe' },
      { port: 'Hull' },
      { port: 'Ives', days: ['x'] },
      {},
    ];
    assert.deepEqual([format.name, ...tried.map(allowed)], [format.name, true, true, false, false, false]);
  }
});

test('arguments without any value are no dead end, in any format', () => {
  const none = [
    { type: 'array', items: { type: 'integer' }, minItems: 3, maxItems: 1 },
    { type: 'string', enum: [] },
    { type: 'integer', minimum: 3, maximum: 1 },
    { type: 'string', minLength: 3, maxLength: 1 },
  ];
  for (const schema of none) {
    const parameters = { type: 'object', properties: { a: schema, b: { type: 'integer' } }, required: ['a', 'b'] };
    for (const format of callFormats) {
      const allowed = calls(format, parameters);
      const value = schema.type === 'array' ? [1, 2, 3] : schema.type === 'string' ? 'abcd' : 7;
      assert.deepEqual(
        [format.name, schema, allowed({ a: value, b: 1 }), allowed({ a: value, b: 'x' })],
        [format.name, schema, true, false],
      );
    }
  }
});

test('arguments may be those of alternatives, in every format', () => {
  const by = (name: string): object => ({ properties: { [name]: { type: 'integer' } }, required: [name] });
  for (const parameters of [
    { type: 'object', anyOf: [by('a'), by('b')] },
    { $ref: '#/$defs/Both', $defs: { Both: { type: 'object', oneOf: [by('a'), by('b')] } } },
  ]) {
    for (const format of callFormats) {
      const allowed = calls(format, parameters);
      assert.deepEqual(
        [format.name, ...[{ a: 1 }, { b: 2 }, { a: 'x' }, { c: 1 }].map(allowed)],
        [format.name, true, true, false, false],
      );
    }
  }
});
