import assert from 'node:assert/strict';
import test from 'node:test';
import { joinedAnswer } from '../../../test/support/call-transcripts.ts';
import { at } from '../../base/at.ts';
import type { Tool } from '../message.ts';
import { callFormats } from './call-formats.ts';
import { CallReader } from './call-reader.ts';

test('values between tags are texts where the schema allows texts, else JSON, else texts after all', () => {
  const schemas: Readonly<Record<string, unknown>> = {
    a: { type: 'string' },
    b: { type: ['null', 'string'] },
    c: { enum: ['x'] },
    d: { anyOf: [{ type: 'integer' }, { type: 'string' }] },
    e: { type: 'integer' },
    f: { type: 'boolean' },
    g: {},
    h: { $ref: '#/$defs/Word' },
    i: { anyOf: [{ $ref: '#/$defs/Word' }, { type: 'null' }] },
    j: { allOf: [{ $ref: '#/$defs/Word' }] },
  };
  const format = callFormats.find(({ name }) => name === 'Qwen 3 Coder');
  assert.ok(format);
  const typed: readonly Tool[] = [
    { name: 'f', parameters: { properties: schemas, $defs: { Word: { enum: ['42'] } } } },
  ];
  const valueBetween = (key: string, text: string): unknown => {
    const reader = new CallReader({ format, tools: typed }, () => '');
    const call = `<tool_call>\n<function=f>\n<parameter=${key}>\n${text}\n</parameter>\n</function>\n</tool_call>`;
    return JSON.parse(at(joinedAnswer([...reader.push(call), ...reader.end()]).calls, 0).arguments)[key];
  };
  for (const key of ['a', 'b', 'c', 'd', 'h', 'i', 'j']) assert.equal(valueBetween(key, '42'), '42');
  assert.equal(valueBetween('e', '42'), 42);
  assert.equal(valueBetween('f', 'True'), true);
  assert.deepEqual(valueBetween('g', '{"x": [1]}'), { x: [1] });
  assert.equal(valueBetween('g', 'not JSON'), 'not JSON');
  assert.equal(valueBetween('a', '  two\n\nlines\n'), '  two\n\nlines\n');
  assert.equal(valueBetween('unknown', '7'), 7);
});
