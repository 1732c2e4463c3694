const hidden = 0xfc00; // -inf in float16

/**
 * The mask of tokens start .. start + n: float16 (reach, n), 0 where a token sees a stored one (itself and what came
 * before, within `window` tokens if that is not 0), else -inf.
 */
export function visibility(
  start: number,
  n: number,
  { reach, window }: { reach: number; window: number },
): Uint16Array {
  const mask = new Uint16Array(reach * n).fill(hidden);
  for (let j = 0; j < n; j += 1) {
    const position = start + j;
    const first = window === 0 ? 0 : Math.max(0, position - window + 1);
    mask.fill(0, j * reach + first, j * reach + position + 1);
  }
  return mask;
}
