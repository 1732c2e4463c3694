import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import koffi from 'koffi';
import { engineError } from '../../test/support/engine-error.ts';
import { floatsOf, noise, setTensor } from '../../test/support/tensors.ts';
import { Disposer } from '../base/disposer.ts';
import { F32 } from './graph.ts';
import { HostMemory } from './host-memory.ts';
import { pageBytes } from './system.ts';
import { TensorSet } from './tensor-set.ts';

test('memory begins on a page and is whole pages, as direct reads need it', () => {
  fc.assert(
    fc.property(fc.nat(10 * pageBytes), (bytes) => {
      using memory = new HostMemory(bytes, 'a test');
      assert.ok(memory.bytes >= bytes && memory.bytes < bytes + pageBytes && memory.bytes % pageBytes === 0);
      const address = koffi.address(memory.view(0, pageBytes).buffer);
      assert.equal(address % BigInt(pageBytes), 0n);
      memory.view(0, memory.bytes).fill(7);
    }),
  );
});

test('views show the same bytes, and can be cleared', () => {
  using memory = new HostMemory(4 * pageBytes, 'a test');
  memory.view(0, memory.bytes).fill(1);
  const view = memory.view(100, 50);
  assert.equal(view.length, 50);
  view[3] = 42;
  assert.equal(memory.view(103, 1)[0], 42);
  memory.clear();
  assert.ok(memory.view(0, memory.bytes).every((byte) => byte === 0));
});

test('memory goes back to the system when it is disposed of, whatever lies between', () => {
  const MiB = 2 ** 20;
  const taken = (bytes: number): HostMemory => {
    const memory = new HostMemory(bytes, 'a test');
    memory.clear();
    return memory;
  };
  // The first block that is freed tells glibc how large blocks are.
  taken(12 * MiB)[Symbol.dispose]();
  const before = process.memoryUsage.rss();
  using between = new Disposer();
  const large = Array.from({ length: 20 }, () => {
    const memory = taken(8 * MiB);
    between.use(taken(64 * 2 ** 10));
    return memory;
  });
  for (const memory of large) memory[Symbol.dispose]();
  const grown = process.memoryUsage.rss() - before;
  assert.ok(grown < 80 * MiB, `${grown} bytes of 160 MiB are kept`);
});

test('views may lie anywhere in memory of several GiB', () => {
  const GiB = 2 ** 30;
  using memory = new HostMemory(5 * GiB, 'a test');
  for (const at of [GiB, 2 * GiB, 5 * GiB - 30]) {
    memory.view(at - 20, 50).fill(at / GiB);
    assert.deepEqual(
      [...memory.view(at + 20, 10)],
      Array.from({ length: 10 }, () => Math.floor(at / GiB)),
    );
    assert.equal(memory.view(at - 20, 1)[0], memory.view(at, 1)[0]);
  }
});

test('a view may have several GiB', () => {
  const GiB = 2 ** 30;
  using memory = new HostMemory(3 * GiB, 'a test');
  for (const offset of [0, 4096]) {
    const view = memory.view(offset, 3 * GiB - offset);
    assert.equal(view.length, 3 * GiB - offset);
    view[2 * GiB] = 7 + offset;
    assert.equal(memory.view(2 * GiB + offset, 1)[0], (7 + offset) % 256);
  }
});

test('a tensor that is placed has its data in the memory, at any offset that suits its type', () => {
  using memory = new HostMemory(2 * pageBytes, 'a test');
  using set = new TensorSet(2);
  const [first, second] = [set.add(F32, [10, 3]), set.add(F32, [5])];
  memory.place(first, 96);
  memory.place(second, pageBytes);
  const [values, others] = [noise(30), noise(5, 2)];
  setTensor({ pointer: first }, values);
  memory.view(pageBytes, 20).set(new Uint8Array(others.buffer));
  assert.deepEqual(new Uint8Array(memory.view(96, 120)), new Uint8Array(values.buffer));
  assert.deepEqual(floatsOf({ pointer: first, shape: [10, 3] }), values);
  assert.deepEqual(floatsOf({ pointer: second, shape: [5] }), others);
});

test('memory that the system refuses is OUT_OF_MEMORY with its purpose', () => {
  assert.throws(() => new HostMemory(2 ** 52, 'the ring'), engineError('OUT_OF_MEMORY', /for the ring/));
});
