/** Normalised mean squared error: the squared distance of `a` from `expected` over the squared length of `expected`. */
export function nmse(a: Float32Array, expected: Float32Array): number {
  if (a.length !== expected.length) throw new RangeError(`${a.length} elements compared with ${expected.length}`);
  let [error, size] = [0, 0];
  for (const [i, e] of expected.entries()) {
    error += ((a[i] as number) - e) ** 2;
    size += e ** 2;
  }
  return error / size;
}
