/** The list of options in docs/options.md, made of their table. To write it there: npx tsx test/support/options-list.ts */
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AnyOption } from '../../src/cli/options/option-spec.ts';
import { optionGroups } from '../../src/cli/options/table.ts';

const [begin, end] = ['<!-- options: made by test/support/options-list.ts -->', '<!-- /options -->'];
const page = fileURLToPath(new URL('../../docs/options.md', import.meta.url));

const code = (texts: readonly string[]): string => texts.map((text) => `\`${text}\``).join(', ');

/** Markdown's row of an option: flags, meaning, default, commands, variables. */
function row({ flags, help, byDefault, default: usual, aliases = [], words = {}, ...option }: AnyOption): string {
  const others = Object.entries(words).filter(([, { help }]) => help !== undefined);
  const meaning = [help, ...others.map(([command, { help }]) => `\`${command}\`: ${help}`)].join('; ');
  const otherDefaults = Object.entries(words).flatMap(([command, { byDefault }]) =>
    byDefault === undefined ? [] : [`\`${command}\`: ${byDefault}`],
  );
  const plain = usual === undefined || usual === false ? '' : `${usual}`;
  const cells = [
    code([flags, ...aliases.map(({ flags }) => flags)]),
    meaning,
    [byDefault ?? plain, ...otherDefaults].filter(Boolean).join('; '),
    option.commands.join(' '),
    code(option.variables ?? []),
  ];
  return `| ${cells.join(' | ')} |`;
}

/** docs/options.md with the list that the table gives in place of the one it has. */
function withOptionsList(text: string): string {
  const lists = Object.entries(optionGroups).map(([heading, specs]) => {
    const rows = Object.values(specs)
      .filter(({ commands }) => commands.length > 0)
      .map(row);
    return [
      `**${heading.replace(':', '')}**`,
      '',
      '| | | default | commands | variables |',
      '|---|---|---|---|---|',
      ...rows,
    ].join('\n');
  });
  const [before, rest = ''] = text.split(begin);
  return `${before}${begin}\n\n${lists.join('\n\n')}\n\n${end}${rest.split(end)[1]}`;
}

/** docs/options.md as it is, and as it should be. */
export function optionsLists(): { readonly actual: string; readonly expected: string } {
  const actual = readFileSync(page, 'utf8');
  return { actual, expected: withOptionsList(actual) };
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  writeFileSync(page, optionsLists().expected);
}
