/** The index of the largest element; the first of equals. */
export const argmax = (values: Float32Array): number =>
  values.reduce((best, v, i) => (v > (values[best] ?? 0) ? i : best), 0);

/** Normalised mean squared error: the squared distance of `a` from `expected` over the squared length of `expected`. */
export function nmse(a: Float32Array, expected: Float32Array): number {
  if (a.length !== expected.length) throw new Error(`${a.length} elements compared with ${expected.length}`);
  let error = 0;
  let size = 0;
  for (const [i, e] of expected.entries()) {
    error += ((a[i] ?? 0) - e) ** 2;
    size += e ** 2;
  }
  return error / size;
}

/** The distance between the largest and the second largest element. */
export function topGap(logits: Float32Array): number {
  let first = -Infinity;
  let second = -Infinity;
  for (const v of logits) {
    if (v > first) [first, second] = [v, first];
    else if (v > second) second = v;
  }
  return first - second;
}
