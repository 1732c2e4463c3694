import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * The folders each of whose test files would take longer to start than to run: they share a process. No file in them
 * awaits at its top level, since Node then ends the tests that the files before it declared, with all that they share.
 */
export const sharedFolders: ReadonlySet<string> = new Set(
  [
    'arch',
    'base',
    'chart',
    'chat',
    'chat/tools',
    'cli',
    'cli/chat',
    'cli/options',
    'cli/print',
    'download',
    'exec',
    'ggml',
    'gguf',
    'gotemplate',
    'grammar',
    'http',
    'http/ollama',
    'http/openai',
    'http/request',
    'http/responses',
    'jinja',
    'library',
    'pager',
    'plan',
    'runtime',
    'sample',
    'state',
    'stores',
    'text',
    'ui',
    'worker',
  ].map((folder) => join('src', folder)),
);

/** Test files as they are given to Node, which starts a process for each. */
export class ProcessGroups implements Disposable {
  /** Paths: of files that run alone, and of files that import those of a folder. */
  readonly files: readonly string[];
  readonly #folder = mkdtempSync(join(tmpdir(), 'ssd-llm-tests-'));

  constructor(tests: readonly string[]) {
    const folders = [...new Set(tests.map((file) => dirname(file)))].filter((folder) => sharedFolders.has(folder));
    const groups = folders.map((folder) =>
      this.#group(
        folder,
        tests.filter((file) => dirname(file) === folder),
      ),
    );
    // Those that take longest begin.
    const whole = tests.filter((file) => file.startsWith('test'));
    const others = tests.filter((file) => !whole.includes(file) && !sharedFolders.has(dirname(file)));
    this.files = [...whole, ...groups, ...others];
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true });
  }

  #group(folder: string, files: readonly string[]): string {
    const path = join(this.#folder, `${folder.replaceAll(/[/\\]/g, '-')}.test.mts`);
    writeFileSync(path, files.map((file) => `import ${JSON.stringify(pathToFileURL(resolve(file)).href)};\n`).join(''));
    return path;
  }
}
