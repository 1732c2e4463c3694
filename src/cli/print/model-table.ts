import { at } from '../../base/at.ts';
import { columns } from './columns.ts';

/** A model in a list, in texts. */
export interface ModelRow {
  readonly name: string;
  readonly size: string;
  /** Memory that it takes. */
  readonly takes: string;
  readonly speed: string;
  /** A way to make it faster. */
  readonly faster: string | undefined;
  /** Its path, behind the program whose it is. */
  readonly where: string;
}

const heading = { name: 'NAME', size: 'SIZE', takes: 'TAKES', speed: 'TOKENS/S', faster: 'FASTER', where: 'WHERE' };
/** Columns of a path that still say something. */
const leastPath = 24;

/** A text of at most `width` characters, of a longer one the begin and the end. */
function cutInside(text: string, width: number): string {
  if (text.length <= width) return text;
  const end = Math.min(Math.ceil((2 * width) / 3), width - 1);
  return `${text.slice(0, width - 1 - end)}…${text.slice(text.length - end)}`;
}

/**
 * Models as lines of at most `width` characters where the screen has as many: a table with paths that are cut, or, where
 * names are too long for it, two lines for each. Without a width, all that there is to say in one line for each.
 */
export function modelTable(rows: readonly ModelRow[], width: number | undefined): readonly string[] {
  if (width === undefined) return wideTable(rows);
  const table = columns([heading, ...rows].map(({ name, size, takes, speed }) => [name, size, takes, speed, '']));
  const left = Math.max(...table.map(({ length }) => length)) + 2;
  if (left + leastPath <= width) {
    const lines = [heading, ...rows].map(
      ({ where }, i) => `${at(table, i).padEnd(left)}${cutInside(where, width - left)}`,
    );
    return [at(lines, 0), ...rows.flatMap(({ faster }, i) => [at(lines, i + 1), ...fasterLines(faster)])];
  }
  return rows.flatMap(({ name, size, takes, speed, faster, where }) => [
    name,
    `  ${size}, takes ${takes}, ${speed} tokens/s`,
    ...fasterLines(faster),
    `  ${cutInside(where, width - 2)}`,
  ]);
}

const fasterLines = (faster: string | undefined): readonly string[] =>
  faster === undefined ? [] : [`  faster ${faster}`];

function wideTable(rows: readonly ModelRow[]): readonly string[] {
  const told = rows.some(({ faster }) => faster !== undefined);
  return columns(
    [heading, ...rows].map(({ name, size, takes, speed, faster = '', where }) => [
      ...[name, size, takes, speed],
      ...(told ? [faster] : []),
      where,
    ]),
  );
}
