import assert from 'node:assert/strict';
import test from 'node:test';
import { ggmlTypes, rowBytes, typeNamed, typeNumbered } from './types.ts';

test('every type is found by its number and by its name', () => {
  for (const type of ggmlTypes) {
    assert.equal(typeNumbered(type.id), type);
    assert.equal(typeNamed(type.name), type);
  }
});

test('types that ggml removed are unknown', () => {
  for (const id of [-1, 4, 5, 31, 32, 33, 36, 37, 38, 43, 2 ** 32 - 1]) assert.equal(typeNumbered(id), undefined);
  assert.equal(typeNamed('q4_2'), undefined);
});

test('rows take whole blocks', () => {
  const bytes = (name: string, n: number): number => rowBytes(typeNamed(name) ?? assert.fail(name), n);
  assert.equal(bytes('f32', 3), 12);
  assert.equal(bytes('q4_0', 64), 36);
  assert.equal(bytes('q6_K', 4096), 3360);
});
