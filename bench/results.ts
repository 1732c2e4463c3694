import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { fileURLToPath } from 'node:url';

/** One experiment, as it goes to results.tsv. */
export interface Result {
  readonly experiment: string;
  readonly model: string;
  readonly budget: string;
  readonly figures: Readonly<Record<string, number | string>>;
  /** `measured`, or whether what was tried is kept or discarded, and why. */
  readonly verdict?: string;
}

const path = fileURLToPath(new URL('results.tsv', import.meta.url));
const columns = ['date', 'machine', 'commit', 'experiment', 'model', 'budget', 'figures', 'verdict'];

/** Appends a row to results.tsv, and shows it unless `silent`. */
export function appendResult(
  { experiment, model, budget, figures, verdict = 'measured' }: Result,
  { silent = false }: { silent?: boolean } = {},
): void {
  if (!existsSync(path)) appendFileSync(path, `${columns.join('\t')}\n`);
  const machine = `${cpus()[0]?.model.trim()} x${availableParallelism()}`;
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const list = Object.entries(figures).map(([name, value]) => `${name}=${value}`);
  const date = new Date().toISOString().slice(0, 10);
  const row = [date, machine, commit, experiment, model, budget, list.join(' '), verdict].join('\t');
  appendFileSync(path, `${row}\n`);
  if (!silent) process.stdout.write(`${row}\n`);
}
