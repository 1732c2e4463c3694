import assert from 'node:assert/strict';
import test from 'node:test';
import { boat, callsOf, quay, readAnswer } from '../../../test/support/call-transcripts.ts';
import { callFormats } from './call-formats.ts';
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

test('arguments that are no JSON object are written as they are', () => {
  for (const format of callFormats) {
    assert.ok(writeCall(format, { name: 'tide', arguments: '{"port": ' }).includes('{"port": '));
  }
});
