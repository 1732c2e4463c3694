import { type KvRows, seenRows } from '../state/rows.ts';

const hidden = 0xfc00; // -inf in float16

/** The mask of tokens start .. start + n: float16 (attended, n), 0 where a token sees a stored row, else -inf. */
export function attentionMask(
  start: number,
  n: number,
  { rows, attended }: { rows: KvRows; attended: number },
): Uint16Array {
  const mask = new Uint16Array(attended * n).fill(hidden);
  for (let j = 0; j < n; j += 1) {
    for (const [from, to] of seenRows(rows, start + j)) mask.fill(0, j * attended + from, j * attended + to);
  }
  return mask;
}
