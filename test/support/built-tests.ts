import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';

/** The folder of what is built: Node looks for packages from there on upwards. */
const cache = join('node_modules', '.cache', 'ssd-llm-tests');
/** Modules that `preload.mjs` loads: they share theirs with the tests. */
const preloads = { 'hang-guard': 'test/support/hang-guard.ts', 'chosen-cpu': 'test/support/chosen-cpu.ts' };

/** Programs that sources start, and the modules that find them beside themselves. */
const programs = {
  'programs/engine-main': 'src/worker/engine-main.ts',
  'programs/graph-trial-main': 'src/runtime/graph-trial-main.ts',
  'programs/device-trial-main': 'src/runtime/device-trial-main.ts',
  'programs/log-main': 'src/ggml/log-main.ts',
};
const starters = ['src/worker/engine-process.ts', 'src/runtime/trial-process.ts', 'src/ggml/log-thread.ts'].map(
  (path) => resolve(path),
);

/** Modules go on to know where their source lies, since they find files beside it; programs were built, too. */
const placeOfSource = (folder: string): Plugin => ({
  name: 'place of source',
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /^file:/ }, ({ path }) => ({ path: fileURLToPath(path) }));
    onLoad({ filter: /\.m?ts$/ }, ({ path }) => {
      const place = starters.includes(path) ? join(folder, 'programs', basename(path, '.ts').concat('.js')) : path;
      const places: Readonly<Record<string, string>> = {
        url: pathToFileURL(place).href,
        filename: place,
        dirname: dirname(place),
      };
      const contents = readFileSync(path, 'utf8').replaceAll(
        /\bimport\.meta\.(url|filename|dirname)\b/g,
        (_, name: string) => JSON.stringify(places[name]),
      );
      return { contents, loader: 'ts', resolveDir: dirname(path) };
    });
  },
});

/**
 * Test files as JavaScript that shares its modules: TypeScript takes each process a second of a core to load, most of what
 * many a file takes.
 */
export class BuiltTests implements Disposable {
  /** Paths, in the order of the sources, which is Node's then. */
  readonly files: readonly string[];
  readonly #folder: string;

  private constructor(folder: string, files: readonly string[]) {
    this.#folder = folder;
    this.files = files;
  }

  static async build(sources: readonly string[]): Promise<BuiltTests> {
    mkdirSync(cache, { recursive: true });
    const folder = mkdtempSync(join(resolve(cache), 'run-'));
    const names = sources.map(
      (source, i) => `${String(i).padStart(3, '0')}/${basename(source).replace(/\.m?ts$/, '')}`,
    );
    const tests = Object.fromEntries(sources.map((source, i) => [names[i], resolve(source)]));
    await build({
      entryPoints: { ...preloads, ...programs, ...tests },
      outdir: folder,
      bundle: true,
      splitting: true,
      packages: 'external',
      format: 'esm',
      platform: 'node',
      target: 'node20.19',
      sourcemap: 'linked',
      logLevel: 'warning',
      plugins: [placeOfSource(folder)],
    });
    return new BuiltTests(
      folder,
      names.map((name) => join(folder, `${name}.js`)),
    );
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true });
  }
}
