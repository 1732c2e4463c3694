import { existsSync } from 'node:fs';
import { currentUser, usualConfigFile } from '../environment.ts';
import { configurableValues } from '../options/settings.ts';
import type { Settings } from '../options/table.ts';
import { columns } from '../print/columns.ts';
import { write, writeJson } from '../print/output.ts';
import { printable } from '../print/printable.ts';

/** Settings that are not shown. */
const secret: ReadonlySet<string> = new Set(['api-key']);

/** Prints the settings that the environment and the configuration file give, from where, and where the file lies. */
export async function configCommand({ config, json }: Settings): Promise<void> {
  const user = currentUser();
  const file = config ?? usualConfigFile(user);
  const values = (await configurableValues(config, user)).map((row) =>
    secret.has(row.name) && row.from !== undefined ? { ...row, value: '(hidden)' } : row,
  );
  const there = file !== undefined && existsSync(file);
  if (json) return writeJson({ file: file ?? null, there, settings: values });
  const rows = values.map(({ name, value, from = 'default' }) => [name, printable(textOf(value)), printable(from)]);
  const where = file === undefined ? 'no home folder, so no file' : `${file}${there ? '' : ' (not there)'}`;
  await write(`${[printable(where), '', ...columns(rows)].join('\n')}\n`);
}

const textOf = (value: unknown): string => {
  if (value === undefined) return '-';
  return typeof value === 'string' ? value : JSON.stringify(value);
};
