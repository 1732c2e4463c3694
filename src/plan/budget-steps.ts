import { alignUp } from '../base/bytes.ts';

const MiB = 2 ** 20;
const GiB = 2 ** 30;
const TiB = 2 ** 40;

/** Sizes that people think in: 1, 1.5, 2, 3, 4, 6, 8, 12 ... MiB, GiB, TiB. */
const usualSizes: readonly number[] = Array.from(
  { length: 48 },
  (_, i) => MiB * 2 ** (i >> 1) * (i % 2 === 0 ? 1 : 1.5),
);

/** The next bytes that `formatBytes` shows without rounding down: a budget that is read off a screen works. */
function readable(bytes: number): number {
  const unit = bytes < GiB ? MiB : bytes < TiB ? GiB : TiB;
  const step = unit > MiB && bytes < 100 * unit ? unit / 10 : unit;
  return Math.floor(alignUp(bytes, step));
}

/** Usual sizes clearly above `bytes`, the smallest first. */
export const sizesAbove = (bytes: number): readonly number[] => usualSizes.filter((size) => size > 1.1 * bytes);

/**
 * Budgets to compare, in bytes: from the `least` that a model runs with over usual sizes to that with which it is `whole` in
 * memory, `most` of them at most.
 */
export function budgetSteps(least: number, whole: number, most: number): readonly number[] {
  const [first, last] = [readable(least), readable(whole)];
  const between = sizesAbove(first).filter((size) => size < last / 1.1);
  const room = Math.max(0, most - 2);
  const chosen = between.filter(
    (_, i) => Math.floor((i * room) / between.length) !== Math.floor(((i - 1) * room) / between.length),
  );
  return [...new Set([first, ...(between.length <= room ? between : chosen), last])];
}
