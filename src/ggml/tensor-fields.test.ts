import assert from 'node:assert/strict';
import test from 'node:test';
import { engineError } from '../../test/support/engine-error.ts';
import { type Ggml, loadGgml } from './api.ts';
import { F32, Graph } from './graph.ts';
import { NativeArray } from './native-array.ts';
import {
  checkTensorFields,
  copyTensor,
  dataAddress,
  flagsOf,
  setData,
  setFlags,
  setSource,
  sourcesOf,
  tensorFlags,
  tensorOp,
  tensorShape,
} from './tensor-fields.ts';

test('fields of tensors lie where the library has them', () => {
  checkTensorFields(loadGgml());
});

test('a library whose tensors look different is refused by name', () => {
  const api = loadGgml();
  const differs = (change: Partial<Ggml>, field: string): void => {
    assert.throws(() => checkTensorFields({ ...api, ...change }), engineError('LIBRARY_DIFFERS', new RegExp(field)));
  };
  differs({ ggml_tensor_overhead: () => api.ggml_tensor_overhead() + 8 }, 'size');
  differs({ ggml_rms_norm: (context, a) => api.ggml_rms_norm(context, a, 0.25) }, 'op_params');
  differs({ ggml_mul_mat: (context, a, b) => api.ggml_mul_mat(context, b, a) }, 'src');
  differs({ ggml_set_output: () => {} }, 'flags');
});

test('a copy of a node with another source computes into the same place', () => {
  using graph = new Graph();
  const [a, b] = [graph.input(F32, [4, 2]), graph.input(F32, [4, 2])];
  const sum = graph.add(a, a);
  using copy = new NativeArray(512);
  copyTensor(sum.pointer, copy.address);
  setSource(copy.address, 1, b.pointer);
  setData(copy.address, 64n);
  setFlags(copy.address, tensorFlags.compute);
  assert.deepEqual(sourcesOf(sum.pointer), [a.pointer, a.pointer]);
  assert.deepEqual(sourcesOf(copy.address), [a.pointer, b.pointer]);
  assert.deepEqual([dataAddress(sum.pointer), dataAddress(copy.address)], [0n, 64n]);
  assert.deepEqual([tensorOp(copy.address), tensorShape(copy.address)], ['ADD', [4, 2, 1, 1]]);
  assert.equal(flagsOf(copy.address), tensorFlags.compute);
});
