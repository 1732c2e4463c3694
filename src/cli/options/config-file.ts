import { resolve } from 'node:path';
import { parse } from 'smol-toml';
import { EngineError } from '../../base/errors.ts';
import { readTextFile, reasonOf } from '../../base/regular-file.ts';
import { type User, usualConfigFile } from '../environment.ts';

/** A configuration file's content. */
export interface ConfigFile {
  readonly path: string;
  readonly values: Readonly<Record<string, unknown>>;
}

const mostBytes = 2 ** 20;

/** Reads the file that is named, or else the user's, which may not exist. Throws UNREADABLE, BAD_OPTION. */
export function readConfigFile(named: string | undefined, user: User): ConfigFile | undefined {
  const path = named === undefined ? usualConfigFile(user) : resolve(named);
  if (path === undefined) return undefined;
  let text: string;
  try {
    text = readTextFile(path, mostBytes);
  } catch (cause) {
    const reason = reasonOf(cause);
    if (named === undefined && (reason === 'ENOENT' || reason === 'ENOTDIR')) return undefined;
    throw new EngineError('UNREADABLE', { file: path, reason }, { cause });
  }
  try {
    return { path, values: parse(text) };
  } catch (cause) {
    const [reason = ''] = (cause as Error).message.split('\n');
    const { line } = cause as { line?: number };
    const option = line === undefined ? 'the configuration file' : `line ${line} of the configuration file`;
    throw new EngineError('BAD_OPTION', { option, value: path, expected: `TOML (${reason})` }, { cause });
  }
}
