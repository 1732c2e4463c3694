import { at } from '../../base/at.ts';
import { printable } from './printable.ts';

/** A table in Markdown, the first row being the heading; it reads well as it is. All rows have as many cells. */
export function markdownTable(rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map((cell) => printable(cell).replaceAll('|', '\\|')));
  const [heading = [], ...body] = cells;
  const widths = heading.map((_, column) => Math.max(...cells.map((row) => at(row, column).length)));
  const line = (row: readonly string[], fill = ' '): string =>
    `| ${widths.map((width, column) => (row[column] ?? '').padEnd(width, fill)).join(' | ')} |\n`;
  return [line(heading), line([], '-'), ...body.map((row) => line(row))].join('');
}
