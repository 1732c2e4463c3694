import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type TempFolder, tempFolder } from '../../support/temp-folder.ts';
import type { Row } from '../part.ts';
import { skippedRow, tryClient } from './client.ts';

interface PythonClient {
  readonly script: string;
  /** Packages that it needs, pinned. */
  readonly packages: readonly string[];
}

/** The installer: clients cannot share an environment, since they want different versions of the same libraries. */
const installer = 'uv==0.13.9';
const scripts = 'test/long/clients/python';

/** Runs a command; gives the last line that it said if it failed. */
function failureOf(command: string, args: readonly string[]): string | undefined {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  return status === 0 ? undefined : (error?.message ?? stderr.trim().split('\n').at(-1) ?? `ended with ${status}`);
}

/** A row for each client of Python, in an environment of its own. */
export async function* pythonClients(url: string): AsyncGenerator<Row> {
  using folder = tempFolder();
  const base = folder.file('base');
  const uv = join(base, 'bin', 'uv');
  const missing =
    failureOf('python3', ['-m', 'venv', base]) ?? failureOf(join(base, 'bin', 'pip'), ['install', '-q', installer]);
  const clients = JSON.parse(readFileSync(join(scripts, 'clients.json'), 'utf8')) as readonly PythonClient[];
  for (const client of clients) {
    const name = `python ${client.packages.join(' ')}`;
    yield missing ? skippedRow(name, `python3 with venv, and ${installer}: ${missing}`) : await rowOf(client, name);
  }

  async function rowOf({ script, packages }: PythonClient, name: string): Promise<Row> {
    const environment = environmentFor(folder, packages);
    const python = join(environment, 'bin', 'python');
    const failure =
      failureOf(uv, ['venv', '-q', environment]) ??
      failureOf(uv, ['pip', 'install', '-q', '--python', python, ...packages]);
    if (failure) return skippedRow(name, `cannot be installed: ${failure}`);
    return tryClient({ name, command: python, args: [resolve(scripts, script)], folder: folder.path }, url);
  }
}

const environmentFor = (folder: TempFolder, packages: readonly string[]): string =>
  folder.file(packages.join('-').replace(/[^\w.-]/g, ''));
