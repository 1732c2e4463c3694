import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { EngineError } from './errors.ts';
import { reasonOf } from './regular-file.ts';

/**
 * Makes a folder and those above it, for this user only, where they are not there yet. Throws the system's errors.
 * (`mkdir` with `recursive` never ends below /proc.)
 */
export function makeFolder(path: string): void {
  const missing: string[] = [];
  let folder = resolve(path);
  for (; !exists(folder) && dirname(folder) !== folder; folder = dirname(folder)) missing.unshift(folder);
  for (const one of missing) make(one);
  if (!statSync(path).isDirectory()) throw Object.assign(new Error(`${path} is not a folder`), { code: 'ENOTDIR' });
}

/** Makes a folder for later writes. Throws UNWRITABLE now if they would fail. */
export function checkFolder(path: string): void {
  const trial = join(path, `${randomUUID()}.tmp`);
  try {
    makeFolder(path);
    writeFileSync(trial, '', { flag: 'wx', mode: 0o600 });
    rmSync(trial);
  } catch (cause) {
    throw new EngineError('UNWRITABLE', { file: path, reason: reasonOf(cause) }, { cause });
  }
}

function make(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    // Another process may have been faster.
    if (codeOf(error) !== 'EEXIST') throw error;
  }
}

function exists(path: string): boolean {
  try {
    statSync(path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;
