/** The index of the largest element; the first of equals. */
export const argmax = (values: Float32Array): number =>
  values.reduce((best, v, i) => (v > (values[best] ?? 0) ? i : best), 0);

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
