import assert from 'node:assert/strict';
import test from 'node:test';
import { type GgmlType, rowBytes, typeNamed } from '../src/gguf/types.ts';
import { dequantize } from './quantize.ts';
import { RandomTensors } from './random-tensors.ts';

const q4 = typeNamed('q4_0') as GgmlType;
const content = { mean: 0, deviation: 0.02 };
const rowLength = 1024;
const rows = 6000; // more elements than a pool has

const bytesOf = (tensors: RandomTensors, name: string, count = rows * rowLength): Buffer =>
  Buffer.concat([...tensors.bytes(name, q4, count, content)]);

test('tensors of any size have the mean and the spread that were asked for', () => {
  for (const count of [2 ** 18, rows * rowLength]) {
    const elements = dequantize(q4, bytesOf(new RandomTensors(1), 'x', count));
    assert.equal(elements.length, count);
    const mean = elements.reduce((sum, v) => sum + v, 0) / count;
    const deviation = Math.sqrt(elements.reduce((sum, v) => sum + v * v, 0) / count);
    assert.ok(Math.abs(mean) < 2e-4, `mean ${mean}`);
    assert.ok(Math.abs(deviation - 0.02) < 2e-4, `deviation ${deviation}`);
  }
});

test('no two rows of a large matrix are equal', () => {
  const bytes = bytesOf(new RandomTensors(1), 'x');
  const length = rowBytes(q4, rowLength);
  const seen = new Set(Array.from({ length: rows }, (_, r) => bytes.toString('latin1', r * length, (r + 1) * length)));
  assert.equal(seen.size, rows);
});

test('a tensor depends on its name and the seed, not on what was made before it', () => {
  const tensors = new RandomTensors(1);
  const [x, y] = [bytesOf(tensors, 'x'), bytesOf(tensors, 'y')];
  assert.ok(!x.equals(y));
  assert.ok(bytesOf(tensors, 'x').equals(x));
  assert.ok(bytesOf(new RandomTensors(1), 'y').equals(y));
  assert.ok(!bytesOf(new RandomTensors(2), 'x').equals(x));
});
