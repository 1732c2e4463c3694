import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The package with the sources of llama.cpp that our libraries are built from. */
const sources = 'node-llama-cpp@3.21.1';

function run(folder: string, command: string, ...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(command, args, { cwd: folder, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args[0]}: ${error?.message ?? stderr.trim().split('\n').at(-1)}`);
}

/** A folder with the sources of llama.cpp, through a folder to fetch them to. Throws where that fails. */
export function fetchSources(folder: string): string {
  run(folder, 'npm', 'pack', '--silent', sources);
  run(folder, 'tar', '-xzf', `${sources.replace('@', '-')}.tgz`, 'package/llama/gitRelease.bundle');
  run(folder, 'git', 'clone', '--quiet', 'package/llama/gitRelease.bundle', 'llama.cpp');
  return join(folder, 'llama.cpp');
}

/** The chat templates of llama.cpp's sources by name, from the folder of these. */
export function templatesIn(root: string): ReadonlyMap<string, string> {
  const templates = join(root, 'models', 'templates');
  const files = readdirSync(templates).filter((file) => file.endsWith('.jinja'));
  return new Map(files.map((file) => [file, readFileSync(join(templates, file), 'utf8')]));
}

/** The chat templates of llama.cpp's sources by name, through a folder to fetch them to. Throws where that fails. */
export const fetchTemplates = (folder: string): ReadonlyMap<string, string> => templatesIn(fetchSources(folder));
