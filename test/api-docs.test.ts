import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import './support/built.ts';
import { tempFolder } from './support/temp-folder.ts';

const root = fileURLToPath(new URL('../', import.meta.url)).replaceAll('\\', '/');
const read = (path: string): string => readFileSync(`${root}src/${path}`, 'utf8');

/** A public symbol: an export of index.ts, or a member of a class that is one. */
interface Documented {
  readonly name: string;
  /** The comment before it, without its stars. */
  readonly comment: string;
}

/** The comment that ends before `index`. */
function commentBefore(text: string, index: number): string {
  const comment = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*$/.exec(text.slice(0, index))?.[1] ?? '';
  return comment.replace(/^[ \t]*\* ?/gm, '').trim();
}

/** Exports of index.ts, each with its declaration's comment. */
const symbols: readonly (Documented & { readonly file: string })[] = [
  ...read('index.ts').matchAll(/\{([^}]*)\} from '\.\/([^']+)'/g),
].flatMap(([, names = '', file = '']) =>
  names.split(',').flatMap((part) => {
    const name = part.trim();
    if (name === '') return [];
    const text = read(file);
    const { index } = new RegExp(`^export (?:class|interface|type) ${name}\\b`, 'm').exec(text) ?? assert.fail(name);
    return [{ name, file, comment: commentBefore(text, index) }];
  }),
);

/** Public methods of the classes that are exported. */
const methods: readonly Documented[] = symbols.flatMap(({ name, file }) => {
  const text = read(file);
  const begin = text.search(new RegExp(`^export class ${name}\\b`, 'm'));
  if (begin < 0) return [];
  const end = text.indexOf('\n}\n', begin);
  const found = text.slice(begin, end).matchAll(/^ {2}(?:static )?(?:async )?\*?(\w+|\[Symbol\.\w+\])(?:<.*?>)?\(/gm);
  return [...found]
    .filter(([, method]) => method !== 'constructor')
    .map((match) => ({ name: `${name}.${match[1]}`, comment: commentBefore(text, begin + match.index) }))
    .filter(({ comment }) => !comment.includes('@internal'));
});

test('every public symbol has an example', () => {
  const documented = [...symbols, ...methods.filter(({ name }) => !name.endsWith('[Symbol.asyncDispose]'))];
  assert.ok(documented.length > 25, `${documented.length}`);
  assert.deepEqual(
    documented.filter(({ comment }) => !comment.includes('@example')).map(({ name }) => name),
    [],
  );
});

test('every public symbol and method is described', () => {
  assert.deepEqual(
    [...symbols, ...methods].filter(({ comment }) => comment === '').map(({ name }) => name),
    [],
  );
});

test('every public method names the errors that it throws, unless it throws none', () => {
  const throwing = methods.filter(({ comment }) => !comment.includes('@throws')).map(({ name }) => name);
  assert.deepEqual(throwing, ['Model.mostTokens', 'Model.close', 'Model.[Symbol.asyncDispose]']);
});

test('codes that are named are codes of errors', () => {
  const codes = new Set([...read('base/error-details.ts').matchAll(/^ {2}([A-Z_]+):/gm)].map(([, code]) => code));
  const named = methods.flatMap(({ comment }) => [...comment.matchAll(/\b[A-Z]{2,}(?:_[A-Z]+)+\b/g)]);
  assert.ok(named.length > 20, `${named.length}`);
  assert.deepEqual(
    named.filter(([code]) => !codes.has(code)).map(([code]) => code),
    [],
  );
});

test('examples are code that the types allow', () => {
  using folder = tempFolder();
  const examples = [...symbols, ...methods].flatMap(({ comment }) =>
    [...comment.matchAll(/@example\s([\s\S]*?)(?=\n@|$)/g)].map(([, code = '']) => code.trim()),
  );
  const imports = `import { EngineError, Model } from '${root}src/index.ts';
import type { ${symbols
    .map(({ name }) => name)
    .filter((name) => !['EngineError', 'Model'].includes(name))
    .join(', ')} } from '${root}src/index.ts';
declare const model: Model, answer: Generation, messages: Message[];
\n`;
  const blocks = examples.map((code) => `{\n${code.replace('await using model =', 'await using opened =')}\n}\n`);
  writeFileSync(folder.file('examples.ts'), `${imports}${blocks.join('')}export {};\n`);
  writeFileSync(folder.file('package.json'), '{ "type": "module" }');
  const compilerOptions = {
    // The programs in examples/ are JavaScript, with the types of what is published.
    allowJs: true,
    checkJs: true,
    declaration: false,
    isolatedDeclarations: false,
    rewriteRelativeImportExtensions: false,
    noUnusedLocals: false,
    types: ['node'],
    typeRoots: [`${root}node_modules/@types`],
  };
  const config = {
    extends: `${root}tsconfig.json`,
    compilerOptions,
    include: ['examples.ts', `${root}examples/*.mjs`],
  };
  writeFileSync(folder.file('tsconfig.json'), JSON.stringify(config));
  const tsc = `${root}node_modules/.bin/tsc`;
  const { stdout } = spawnSync(tsc, ['-p', folder.path], { encoding: 'utf8', shell: process.platform === 'win32' });
  assert.equal(stdout, '');
});
