import assert from 'node:assert/strict';
import test from 'node:test';
import { mostPieceBytes } from './layer-state.ts';
import { decodeHeader, encodeHeader, preludeBytes } from './saved-header.ts';

function again(length: number): ReturnType<typeof decodeHeader> {
  const text = { tokens: Int32Array.of(1, 2), exact: 0, written: 2, snapshots: [], about: undefined };
  const bytes = Buffer.concat(encodeHeader({ identity: 'a model', form: 'a form', ...text, pieces: [[length, 7]] }));
  return decodeHeader(bytes.subarray(0, preludeBytes), bytes.subarray(preludeBytes));
}

test('a header with the largest piece that goes into a file is read again, one with a larger piece is damaged', () => {
  assert.deepEqual(again(mostPieceBytes).pieces, [[mostPieceBytes, 7]]);
  assert.throws(() => again(mostPieceBytes + 1), /pieces cannot be right/);
});
