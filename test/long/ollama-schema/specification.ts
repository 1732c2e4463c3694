import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { TempFolder } from '../../support/temp-folder.ts';

/** The Go module whose docs hold Ollama's specification, and the package that reads its YAML. */
const source = 'github.com/ollama/ollama@v0.17.4';
const reader = 'yaml@2.9.1';

function run(folder: TempFolder, command: string, ...args: readonly string[]): string {
  const shell = process.platform === 'win32';
  const env = { ...process.env, GOFLAGS: '-modcacherw', GOMODCACHE: folder.file('modules') };
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: folder.path,
    encoding: 'utf8',
    env,
    shell,
  });
  if (status !== 0) throw new Error(`${command} ${args[0]}: ${error?.message ?? stderr.trim().split('\n').at(-1)}`);
  return stdout;
}

/** Ollama's openapi.yaml, as an object, through a folder to fetch it to. Throws where that fails. */
export async function fetchSpecification(folder: TempFolder): Promise<object> {
  const { Dir } = JSON.parse(run(folder, 'go', 'mod', 'download', '-json', source)) as { readonly Dir: string };
  run(folder, 'npm', 'install', '--prefix', folder.path, '--no-audit', '--no-fund', reader);
  const { parse } = (await import(pathToFileURL(folder.file('node_modules/yaml/dist/index.js')).href)) as {
    readonly parse: (text: string) => object;
  };
  return parse(readFileSync(join(Dir, 'docs', 'openapi.yaml'), 'utf8'));
}
