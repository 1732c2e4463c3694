import assert from 'node:assert/strict';
import test from 'node:test';
import { boat, callsOf, joinedAnswer, quay, readAnswer } from '../../../test/support/call-transcripts.ts';
import { callFormats } from './call-formats.ts';
import { CallReader } from './call-reader.ts';
import { writeCall } from './write-call.ts';

test('a call that is written in a format is read again in it', () => {
  for (const format of callFormats) {
    for (const call of [quay, boat, ['tide', {}] as const]) {
      const [name, values] = call;
      const text = writeCall(format, { name, arguments: JSON.stringify(values) });
      assert.deepEqual([format.name, ...callsOf(readAnswer(format.name, [text]))], [format.name, call]);
    }
  }
});

test('names of tools and parameters with other signs than letters are read again', () => {
  const names = ['get-weather', 'mcp__sea__tide-times', 'a.b', 'ns:tool', 'a/b', 'x@y', 'größe', 'a,b=c;d', '$x*?!'];
  for (const format of callFormats) {
    for (const name of names) {
      const tools = [{ name, parameters: { properties: { 'max-days': {}, 'at sea': {}, größe: {} } } }];
      const values = { 'max-days': 2, 'at sea': true, größe: 'x' };
      const reader = new CallReader({ format, tools }, () => '');
      const text = writeCall(format, { name, arguments: JSON.stringify(values) });
      const answer = joinedAnswer([...reader.push(text), ...reader.end()]);
      assert.deepEqual([format.name, ...callsOf(answer)], [format.name, [name, values]]);
    }
  }
});

test('arguments that are no JSON object are written as they are', () => {
  for (const format of callFormats) {
    assert.ok(writeCall(format, { name: 'tide', arguments: '{"port": ' }).includes('{"port": '));
  }
});
