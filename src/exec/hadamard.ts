import type { KvShape } from '../state/kv-shape.ts';

/** The fewest elements that are worth rotating: the largest block of quantized keys and values, twice. */
const least = 64;

/**
 * The number of elements of a key, and of a value, that are rotated with one another before they are quantized, so that a
 * few large ones do not make a block coarse; 1 where nothing is rotated. Dot products do not change if the queries are
 * rotated alike. A key is rotated as far as a power of two divides it, a value in the smallest groups, as libllama does.
 */
export function hadamardSizes(shape: KvShape): { readonly key: number; readonly value: number } {
  if (shape.type === 'f16') return { key: 1, value: 1 };
  const { keyLength, valueLength } = shape;
  return {
    key: keyLength % least === 0 ? keyLength & -keyLength : 1,
    value: valueLength % least === 0 ? least : 1,
  };
}

/** Matrices by n: each pass needs them, and those of 256 take milliseconds to make. */
const made = new Map<number, Float32Array>();

/** Sylvester's matrix (n, n) for a power of two: orthonormal, and its own inverse. The same one for the same n. */
export function hadamard(n: number): Float32Array {
  const matrix = made.get(n) ?? make(n);
  made.set(n, matrix);
  return matrix;
}

function make(n: number): Float32Array {
  const parity = (bits: number): number => (bits === 0 ? 0 : 1 ^ parity(bits & (bits - 1)));
  const size = 1 / Math.sqrt(n);
  return Float32Array.from({ length: n * n }, (_, at) => (parity(Math.floor(at / n) & (at % n)) === 1 ? -size : size));
}
