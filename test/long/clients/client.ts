import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { tempFolder } from '../../support/temp-folder.ts';
import type { Row } from '../part.ts';

/** A program that tries the features of one client, and writes a line of JSON for each to the file that it is given. */
export interface ClientProgram {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** The folder that it runs in. */
  readonly folder: string;
}

interface Attempt {
  readonly feature: string;
  /** The reason of the failure, if it failed. */
  readonly reason: string | null;
}

/** Milliseconds for all features of a client. */
const patience = 300_000;

/** Tries a client against the server at `url`, with nothing of this user's settings. */
export async function tryClient({ name, command, args, folder }: ClientProgram, url: string): Promise<Row> {
  using home = tempFolder();
  const report = home.file('report');
  writeFileSync(report, '');
  const child = spawn(command, [...args, report], {
    cwd: folder,
    env: { PATH: process.env['PATH'], HOME: home.path, BASE: url, PYTHONDONTWRITEBYTECODE: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: patience,
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text) => {
      said = `${said}${text}`.slice(-2000);
    });
  }
  await new Promise((resolve) => child.on('close', resolve).on('error', resolve));
  const lines = readFileSync(report, 'utf8').split('\n').filter(Boolean);
  const attempts = lines.map((line) => JSON.parse(line) as Attempt);
  const failed = attempts
    .filter(({ reason }) => reason !== null)
    .map(({ feature, reason }) => `${name}: ${feature}: ${reason?.trim().split('\n').at(-1)}`);
  if (attempts.length === 0) failed.push(`${name}: it tried nothing: ${said}`);
  return { name, tried: attempts.length, passed: attempts.length - failed.length, failed, skipped: [] };
}

export const skippedRow = (name: string, reason: string): Row => ({
  name,
  tried: 0,
  passed: 0,
  failed: [],
  skipped: [`${name}: ${reason}`],
});
