import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';

/** The folder of the build, whether this is a source or a part of it. */
const built = new URL(extname(import.meta.url) === '.ts' ? '../../../dist/' : './', import.meta.url);

/** The text of a file of the build, by its path there. Rejects if there is none. */
export const builtFile = (path: string): Promise<string> => readFile(new URL(path, built), 'utf8');

let version: Promise<string> | undefined;

/** The version of this program. */
export function builtVersion(): Promise<string> {
  version ??= builtFile('../package.json').then((text) => (JSON.parse(text) as { version: string }).version);
  return version;
}
