import assert from 'node:assert/strict';
import test from 'node:test';
import { joinedAnswer } from '../../../test/support/call-transcripts.ts';
import { at } from '../../base/at.ts';
import { acceptor } from '../../grammar/accepts.ts';
import { grammarOf } from '../../grammar/source.ts';
import type { Tool } from '../message.ts';
import { callFormats } from './call-formats.ts';
import { callGrammar } from './call-grammar.ts';
import { CallReader } from './call-reader.ts';
import { writeCall } from './write-call.ts';

const format = at(
  callFormats.filter(({ name }) => name === 'MiniMax M3'),
  0,
);

const tool: Tool = {
  name: 'sail',
  parameters: {
    type: 'object',
    properties: {
      from: { $ref: '#/$defs/Port' },
      crew: { type: 'array', items: { $ref: '#/$defs/Sailor' }, minItems: 1 },
      wind: { anyOf: [{ type: 'integer' }, { type: 'array', items: { type: 'integer' } }] },
      notes: { type: 'array' },
      more: {},
    },
    required: ['from'],
    $defs: {
      Port: { enum: ['Ives', '7'] },
      Sailor: { type: 'object', properties: { name: { type: 'string' }, mate: { $ref: '#/$defs/Sailor' } } },
    },
  },
};

const elements = (text: string): string => text.replace(/<(?=\/?\w+>)/g, ']<]minimax[>[<');
const callWith = (members: string): string => {
  const [before, behind] = format.written;
  return before.replace('NAME', 'sail') + elements(members) + behind;
};

const argumentsIn = (text: string): unknown => {
  const reader = new CallReader({ format, tools: [tool] }, () => '');
  return JSON.parse(at(joinedAnswer([...reader.push(text), ...reader.end()]).calls, 0).arguments);
};

test('elements are texts, lists and objects, as their schemas say', () => {
  const crew = [{ name: '1', mate: { name: 'Bo' } }];
  const members =
    '<from>7</from><crew> <item><name>1</name><mate><name>Bo</name></mate></item>\n</crew><wind><item>3</item></wind>';
  assert.deepEqual(argumentsIn(callWith(members)), { from: '7', crew, wind: [3] });
  assert.deepEqual(argumentsIn(callWith('<wind>3</wind><notes></notes>')), { wind: 3, notes: [] });
  assert.deepEqual(argumentsIn(callWith('<more><item>1</item><item>a b</item></more><x>y</x>')), {
    more: [1, 'a b'],
    x: 'y',
  });
  assert.deepEqual(argumentsIn(callWith('')), {});
});

test('elements that obey their schemas are allowed, others are not', () => {
  const source = callGrammar(format, { tools: [tool], choice: 'required', parallel: false });
  assert.ok(source);
  const allowed = acceptor(grammarOf(source));
  const written = (values: object): boolean =>
    allowed(writeCall(format, { name: 'sail', arguments: JSON.stringify(values) }));
  assert.ok(written({ from: 'Ives', crew: [{ name: 'Al', mate: { name: 'Bo' } }], wind: [3, 4], more: { any: 1 } }));
  assert.ok(written({ from: '7', wind: 3 }));
  for (const wrong of [{}, { from: 'Looe' }, { from: '7', crew: [] }, { from: '7', wind: 'x' }, { from: '7', y: 1 }]) {
    assert.equal(written(wrong), false, JSON.stringify(wrong));
  }
});

test('elements within elements without end are read as deep as the bound goes', () => {
  const text = callWith(`${'<a>'.repeat(5000)}x${'</a>'.repeat(5000)}`);
  assert.match(JSON.stringify(argumentsIn(text)), /^(\{"a":){60,70}"/);
});

test('schemas that repeat themselves without end have a grammar, and their calls are read', () => {
  const own = Array.from({ length: 8 }, () => ({ $ref: '#/$defs/A' }));
  const members = Object.fromEntries(own.map((one, i) => [`a${i}`, one]));
  for (const A of [
    { anyOf: own },
    { allOf: own },
    { oneOf: [{ anyOf: own }] },
    { type: 'object', properties: members },
  ]) {
    const endless = { name: 'sail', parameters: { properties: { a0: own[0] }, $defs: { A } } };
    for (const other of callFormats) {
      const source = callGrammar(other, { tools: [endless], choice: 'required', parallel: false });
      assert.ok(source && grammarOf(source), other.name);
    }
    const reader = new CallReader({ format, tools: [endless] }, () => '');
    const parts = reader.push(callWith('<a0><a1>1</a1></a0>'));
    assert.equal(joinedAnswer([...parts, ...reader.end()]).calls.length, 1);
  }
});
