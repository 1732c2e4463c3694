import { existsSync } from 'node:fs';
import { formatBytes } from '../../base/bytes.ts';
import { currentUser, usualConfigFile } from '../environment.ts';
import { type ConfigurableValue, configurableValues } from '../options/settings.ts';
import type { Settings } from '../options/table.ts';
import { columns } from '../print/columns.ts';
import { duration } from '../print/duration.ts';
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
  if (json) {
    const settings = values.map(({ name, value, from }) => ({ name, value, from }));
    return writeJson({ file: file ?? null, there, settings });
  }
  const rows = values.map((row) => [row.name, printable(textOf(row)), printable(row.from ?? 'default')]);
  const where = file === undefined ? 'no home folder, so no file' : `${file}${there ? '' : ' (not there)'}`;
  await write(`${[printable(where), '', ...columns(rows)].join('\n')}\n`);
}

/** A value as people read it: "2 GiB", "5m 0s", "16, all but one core". */
function textOf({ value, unit, byDefault = '-' }: ConfigurableValue): string {
  if (typeof value === 'number' && unit === 'bytes') return formatBytes(value);
  if (typeof value === 'number' && unit === 'seconds') return value < 0 ? 'forever' : duration(Math.round(value));
  if (value === undefined) return byDefault;
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value)) return value.length > 0 ? value.map(String).join(', ') : byDefault;
  return typeof value === 'string' ? value : JSON.stringify(value);
}
