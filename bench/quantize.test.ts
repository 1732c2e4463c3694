import assert from 'node:assert/strict';
import test from 'node:test';
import { nmse } from '../src/base/nmse.ts';
import { type GgmlType, ggmlTypes, rowBytes, typeNamed } from '../src/gguf/types.ts';
import { dequantize, isQuantizable, quantizable, quantize } from './quantize.ts';
import { Random } from './random.ts';
import { isSlow, randomBlocks } from './random-blocks.ts';

const named = (name: string): GgmlType => typeNamed(name) ?? assert.fail(name);

/** The most noise a type may add: it falls by 4 with each bit per weight, down to what float16 and bfloat16 leave. */
function mostNoise({ name, bytes, block }: GgmlType): number {
  if (name === 'f32') return 0;
  return Math.min(0.3, Math.max(1e-5, 6 * 4 ** -((8 * bytes) / block)));
}

const rowLength = 512;
const values = new Random('values').floats(32 * rowLength, { mean: 0, deviation: 1 });

test('what is quantized comes back as exact as the bits allow, in every type', () => {
  const types = ggmlTypes.filter((type) => isQuantizable(type) && !isSlow(type));
  assert.equal(types.length, 23);
  for (const type of types) {
    const bytes = quantize(type, values, rowLength);
    assert.equal(bytes.length, rowBytes(type, values.length), type.name);
    const noise = nmse(dequantize(type, bytes), values);
    assert.ok(noise <= mostNoise(type), `${type.name}: ${noise} > ${mostNoise(type)}`);
  }
});

test('a type that wants to know what is important is told that everything is', () => {
  const type = named('iq2_xxs');
  assert.ok(nmse(dequantize(type, quantize(type, values, rowLength)), values) < 0.15);
});

test('zeros stay zeros, and zero bytes are zeros in every type', () => {
  for (const type of ggmlTypes.filter(isQuantizable)) {
    assert.ok(
      dequantize(type, new Uint8Array(type.bytes)).every((v) => v === 0),
      type.name,
    );
    if (isSlow(type)) continue;
    const bytes = quantize(type, new Float32Array(rowLength), rowLength);
    assert.ok(
      dequantize(type, bytes).every((v) => v === 0),
      type.name,
    );
  }
});

test('random blocks have the spread that was asked for', () => {
  for (const type of ggmlTypes.filter(isSlow)) {
    const elements = dequantize(type, randomBlocks(type, new Random(type.name), 2 ** 16, 0.05));
    const mean = elements.reduce((sum, v) => sum + v, 0) / elements.length;
    const deviation = Math.sqrt(elements.reduce((sum, v) => sum + v * v, 0) / elements.length);
    assert.ok(Math.abs(mean) < 0.002, `${type.name}: mean ${mean}`);
    assert.ok(Math.abs(deviation - 0.05) < 0.001, `${type.name}: deviation ${deviation}`);
  }
});

test('what cannot be quantized is refused', () => {
  assert.throws(() => quantizable('q8_K'), /q8_K is not a type that weights can be quantized to/);
  assert.throws(() => quantizable('q9_9'), /q9_9 is not a type/);
  assert.throws(() => quantize(named('i32'), values, rowLength), /i32 is not a type/);
  assert.throws(() => quantize(named('q4_K'), new Float32Array(384), 384), /384 .* blocks of 256 \(q4_K\)/);
  assert.throws(() => quantize(named('q4_0'), new Float32Array(96), 64), /not rows of 64/);
  assert.throws(() => dequantize(named('i32'), new Uint8Array(4)), /i32 is not a type of weights/);
  assert.throws(() => dequantize(named('q4_0'), new Uint8Array(17)), /17 bytes are not whole blocks of 18/);
});
