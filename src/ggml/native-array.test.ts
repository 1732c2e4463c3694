import assert from 'node:assert/strict';
import test from 'node:test';
import { loadLlama } from './llama.ts';
import { NativeArray } from './native-array.ts';

test('all views show the same zeroed memory', () => {
  using array = new NativeArray(10);
  assert.deepEqual([array.bytes.length, array.int32.length, array.float32.length], [10, 2, 2]);
  assert.ok(array.bytes.every((byte) => byte === 0));
  array.float32[1] = 1;
  assert.equal(array.int32[1], 0x3f800000);
  assert.deepEqual([...array.bytes.subarray(4, 8)], [0, 0, 128, 63]);
});

test('an address stays the same and C writes where JavaScript reads', () => {
  const llama = loadLlama();
  using array = new NativeArray(3 * 12);
  const { address } = array;
  for (let i = 0; i < 200; i++) new ArrayBuffer(2 ** 20);
  array.int32.set([5, 0, 0, 6, 0, 0, 7, 0, 0]);
  array.float32[7] = 1;
  const chain = llama.newSamplerChain();
  llama.llama_sampler_chain_add(chain, llama.llama_sampler_init_top_k(1));
  llama.llama_sampler_apply(chain, { data: array.address, size: 3, selected: -1, sorted: false });
  llama.llama_sampler_free(chain);
  assert.equal(array.int32[0], 7);
  assert.equal(array.address, address);
});

test('after disposal the views are empty and a late write does nothing', () => {
  const array = new NativeArray(16);
  const { bytes, float32 } = array;
  array[Symbol.dispose]();
  float32[0] = 1;
  assert.deepEqual([bytes.length, float32.length, float32[0]], [0, 0, undefined]);
});

test('an array may be empty', () => {
  using array = new NativeArray(0);
  assert.equal(array.bytes.length, 0);
  assert.notEqual(array.address, 0n);
});
