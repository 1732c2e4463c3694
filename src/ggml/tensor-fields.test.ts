import assert from 'node:assert/strict';
import test from 'node:test';
import koffi from 'koffi';
import { engineError } from '../../test/support/engine-error.ts';
import { Disposer } from '../base/disposer.ts';
import { type Ggml, loadGgml } from './api.ts';
import { F32, Graph } from './graph.ts';
import type { Pointer } from './library.ts';
import { NativeArray } from './native-array.ts';
import {
  checkTensorFields,
  copyTensor,
  dataAddress,
  flagsOf,
  maxSources,
  setData,
  setFlags,
  setSource,
  sourceOf,
  sourcesOf,
  TensorPointers,
  tensorFlags,
  tensorOp,
  tensorShape,
  viewSourceOf,
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

const structBytes = 336;
const pointers = [...Array.from({ length: 10 }, (_, i) => 152 + 8 * i), 232];

/** The functions of a library whose tensors have 8 more bytes from `gap` on: what they make are copies with a gap. */
function displaced(gap: number, owner: Disposer): Ggml {
  const api = loadGgml();
  const copies = new Map<Pointer, NativeArray>();
  const real = (copy: Pointer): Pointer => [...copies].find(([, { address }]) => address === copy)?.[0] ?? copy;
  const write = (): void => {
    for (const [tensor, copy] of copies) {
      const bytes = new Uint8Array(koffi.view(tensor, structBytes)).slice();
      const view = new DataView(bytes.buffer);
      for (const at of pointers) {
        view.setBigUint64(at, copies.get(view.getBigUint64(at, true))?.address ?? view.getBigUint64(at, true), true);
      }
      copy.bytes.set(bytes.subarray(0, gap));
      copy.bytes.set(bytes.subarray(gap), gap + 8);
    }
  };
  const written = <T>(result: T): T => {
    write();
    return result;
  };
  const made = (tensor: Pointer): Pointer => {
    const copy = owner.use(new NativeArray(structBytes + 8));
    copies.set(tensor, copy);
    write();
    return copy.address;
  };
  return {
    ...api,
    ggml_new_tensor_4d: (...sizes) => made(api.ggml_new_tensor_4d(...sizes)),
    ggml_view_2d: (context, a, ...sizes) => made(api.ggml_view_2d(context, real(a), ...sizes)),
    ggml_rms_norm: (context, a, epsilon) => made(api.ggml_rms_norm(context, real(a), epsilon)),
    ggml_mul_mat: (context, a, b) => made(api.ggml_mul_mat(context, real(a), real(b))),
    ggml_set_input: (a) => written(api.ggml_set_input(real(a))),
    ggml_set_output: (a) => written(api.ggml_set_output(real(a))),
    ggml_backend_tensor_alloc: (buffer, a, address) => written(api.ggml_backend_tensor_alloc(buffer, real(a), address)),
  };
}

test('a library whose tensors have one more field, anywhere, is refused', () => {
  using owner = new Disposer();
  checkTensorFields(displaced(structBytes, owner));
  for (const gap of [0, 8, 16, 48, 80, 84, 148, 152, 232, 240, 248, 256]) {
    assert.throws(() => checkTensorFields(displaced(gap, owner)), engineError('LIBRARY_DIFFERS'), `${gap}`);
  }
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

test('pointers of many tensors are those that are read one by one', () => {
  using graph = new Graph();
  const x = graph.input(F32, [4, 2]);
  let sum = graph.add(x, x);
  const tensors = [x, sum];
  // More than is looked at as one.
  for (let i = 0; i < 5000; i += 1) {
    sum = i % 2 ? graph.add(sum, x) : graph.reshape(sum, [4, 2]);
    tensors.push(sum);
  }
  const pointers = new TensorPointers();
  for (const { pointer } of tensors) {
    const address = Number(pointer);
    for (let i = 0; i < maxSources; i += 1) {
      assert.equal(BigInt(pointers.source(address, i)), sourceOf(pointer, i));
    }
    assert.equal(BigInt(pointers.viewSource(address)), viewSourceOf(pointer));
  }
});
