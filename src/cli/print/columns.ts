import { at } from '../../base/at.ts';

/** Rows as lines in which the columns stand below each other, two spaces apart. */
export function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const count = Math.max(0, ...rows.map(({ length }) => length));
  const widths = Array.from({ length: count }, (_, i) => Math.max(...rows.map((row) => row.at(i)?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(at(widths, i)))
      .join('  ')
      .trimEnd(),
  );
}
