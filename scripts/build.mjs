// Bundles the command line, the engine process and the library into few files in dist/: they start faster, and open few.
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

const result = await build({
  entryPoints: {
    'cli/main': 'src/cli/main.ts',
    'engine-main': 'src/worker/engine-main.ts',
    'graph-trial-main': 'src/runtime/graph-trial-main.ts',
    'device-trial-main': 'src/runtime/device-trial-main.ts',
    'log-main': 'src/ggml/log-main.ts',
    index: 'src/index.ts',
  },
  outdir: 'dist',
  // Beside engine-main.js and those of trials: whatever starts these programs finds them there.
  chunkNames: '[name]-[hash]',
  bundle: true,
  // What is imported late is read late.
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  external: ['koffi', '@node-llama-cpp/*'],
  // Bundled CommonJS packages require Node's modules.
  banner: {
    js: "import { createRequire as $createRequire } from 'node:module';\nconst require = $createRequire(import.meta.url);",
  },
  metafile: true,
  write: false,
  logLevel: 'warning',
});

// The page at /ui, and that of a benchmark.
const page = await build({
  entryPoints: { page: 'src/ui/main.ts', 'bench-page': 'src/ui/bench-page-main.ts' },
  outdir: 'dist/ui',
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  write: false,
  logLevel: 'warning',
});

/** "node_modules/@hono/node-server/dist/index.mjs" -> "node_modules/@hono/node-server" */
const folderOf = (path) => /^node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0];

/** What may be passed on only with its licence. */
function licenses(inputs) {
  const folders = new Set(inputs.map(folderOf).filter(Boolean));
  return [...folders].sort().map((folder) => {
    const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name));
    if (file === undefined) throw new Error(`${folder} has no licence`);
    return `${folder.slice('node_modules/'.length)}\n\n${readFileSync(`${folder}/${file}`, 'utf8').trim()}\n`;
  });
}

const texts = licenses(Object.keys(result.metafile.inputs));
rmSync('dist', { recursive: true, force: true });
mkdirSync('dist/cli', { recursive: true });
for (const { path, contents } of result.outputFiles) writeFileSync(path, contents);
mkdirSync('dist/ui');
for (const { path, contents } of page.outputFiles) writeFileSync(path, contents);
for (const file of ['index.html', 'page.css']) copyFileSync(`src/ui/${file}`, `dist/ui/${file}`);
writeFileSync('dist/LICENSES', texts.join(`\n${'-'.repeat(80)}\n\n`));
