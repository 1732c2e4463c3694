// Runs the long parts that are named, or all of them, and prints a table: `npm run test:long -- variants`. Some of what a part
// tries can be chosen: `npm run test:long -- devices --only qwen3,olmo2`.
import { readdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { columns } from '../../src/cli/print/columns.ts';
import type { Part, Row } from './part.ts';

const suffix = '.part.ts';
const known = readdirSync('test/long')
  .filter((file) => file.endsWith(suffix))
  .map((file) => file.slice(0, -suffix.length))
  .sort();

interface Done {
  readonly part: string;
  readonly row: Row;
  readonly seconds: number;
}

const line = ({ part, row, seconds }: Done): readonly string[] => [
  part,
  row.name,
  ...[row.tried, row.passed, row.failed.length, row.skipped.length].map(String),
  `${Math.floor(seconds / 60)}:${`${Math.round(seconds % 60)}`.padStart(2, '0')}`,
];

async function main(args: readonly string[]): Promise<void> {
  const { values, positionals: wanted } = parseArgs({
    args: [...args],
    options: { only: { type: 'string' } },
    allowPositionals: true,
  });
  const chosen = values.only?.split(',');
  const parts = new Map<string, Part>();
  for (const name of known) parts.set(name, ((await import(`./${name}${suffix}`)) as { part: Part }).part);
  const unknown = wanted.filter((name) => !parts.has(name));
  if (unknown.length > 0) {
    console.error(`there is no part ${unknown.join(', ')}; these are:`);
    for (const [name, { about }] of parts) console.error(`  ${name}: ${about}`);
    process.exitCode = 2;
    return;
  }
  const [name = '', ...others] = wanted;
  const choice = others.length === 0 ? (parts.get(name)?.choice ?? []) : [];
  const foreign = chosen?.filter((one) => !choice.includes(one)) ?? [];
  if (foreign.length > 0) {
    console.error(
      `--only ${foreign}: there is no such choice in ${name || 'all parts'}; these are: ${choice.join(' ') || 'none'}`,
    );
    process.exitCode = 2;
    return;
  }
  const done: Done[] = [];
  for (const [name, part] of parts) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    console.log(`${name}: ${part.about}`);
    done.push(...(await run(name, part, chosen)));
  }
  print(done);
  if (done.some(({ row }) => row.failed.length > 0)) process.exitCode = 1;
}

async function run(name: string, part: Part, chosen: readonly string[] | undefined): Promise<readonly Done[]> {
  const done: Done[] = [];
  let began = performance.now();
  for await (const row of part.rows(chosen)) {
    done.push({ part: name, row, seconds: (performance.now() - began) / 1000 });
    console.log(`  ${row.name}: tried ${row.tried}, passed ${row.passed}`);
    for (const failure of row.failed) console.log(`  FAILED ${failure}`);
    began = performance.now();
  }
  return done;
}

function print(done: readonly Done[]): void {
  const skipped = done.flatMap(({ part, row }) => row.skipped.map((what) => `skipped in ${part}: ${what}`));
  const failed = done.flatMap(({ part, row }) => row.failed.map((what) => `FAILED in ${part}: ${what}`));
  const head = ['part', '', 'tried', 'passed', 'failed', 'skipped', 'minutes'];
  console.log(['', ...columns([head, ...done.map(line)]), ...skipped, ...failed].join('\n'));
}

await main(process.argv.slice(2));
