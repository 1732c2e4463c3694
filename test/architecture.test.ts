import assert from 'node:assert/strict';
import test from 'node:test';
import { parseSource, readSources, type Source } from './support/sources.ts';

/** A folder imports only folders to its left. */
const order =
  'base gguf ggml jinja gotemplate grammar text chat arch plan pager state exec sample runtime engine model stores library download worker chart http ui cli'.split(
    ' ',
  );

const src = readSources('src');
const others = ['test', 'bench', 'examples'].flatMap(readSources);
const publicApi = 'src/index.ts';

const isTest = ({ path }: Source): boolean => path.endsWith('.test.ts');
const code = src.filter((source) => !isTest(source));
/** "src/ggml/graph.ts" -> "ggml" */
const folderOf = (path: string): string | undefined => /^src\/(\w+)\//.exec(path)?.[1];

/** Fails with the list of what breaks a rule. */
const nothing = (violations: readonly string[]): void => assert.deepEqual([...new Set(violations)], []);

test('a folder imports only folders to its left', () => {
  nothing(
    code.flatMap(({ path, imports }) => {
      const own = folderOf(path);
      const right = (from: string): boolean => {
        const folder = folderOf(from);
        return own !== undefined && (folder === undefined || order.indexOf(folder) > order.indexOf(own));
      };
      return imports.filter(({ from }) => from.startsWith('src/') && right(from)).map(({ from }) => `${path}: ${from}`);
    }),
  );
});

test('the tests beside the sources keep to the same order; what crosses folders stands in test/', () => {
  nothing(
    src
      .filter(isTest)
      .flatMap(({ path, imports }) =>
        imports
          .filter(({ from }) => order.indexOf(folderOf(from) ?? '') > order.indexOf(folderOf(path) ?? ''))
          .map(({ from }) => `${path}: ${from}`),
      ),
  );
});

test('every folder of src is in the order, and only the public API stands beside them', () => {
  nothing(
    src
      .map(({ path }) => path)
      .filter((path) => path !== publicApi && path !== 'src/index.test.ts')
      .filter((path) => !order.includes(folderOf(path) ?? '')),
  );
});

test('the sources import nothing of the tests, the benchmarks or the examples', () => {
  nothing(
    code.flatMap(({ path, imports }) =>
      imports
        .filter(({ from }) => /^(?:test|bench|examples)\//.test(from) || from.endsWith('.test.ts'))
        .map(({ from }) => `${path}: ${from}`),
    ),
  );
});

/** Files outside `folder` that import a module which `pattern` matches. */
const importersOutside = (folder: string, pattern: RegExp): readonly string[] =>
  code
    .filter(({ path }) => folderOf(path) !== folder)
    .flatMap(({ path, imports }) =>
      imports.filter(({ from }) => pattern.test(from)).map(({ from }) => `${path}: ${from}`),
    );

test('foreign functions are called in ggml/ only', () => {
  nothing(importersOutside('ggml', /^koffi\b/));
});

test('data of tensors are read and written by ggml/ only', () => {
  nothing(importersOutside('ggml', /^src\/ggml\/api\.ts$/));
});

test('tensors lie in memory of the device; memory of the process is made by itself only for bytes that are copied', () => {
  const made = code.filter(({ code }) => /\bnew HostMemory\b/.test(code)).map(({ path }) => path);
  assert.deepEqual(made.sort(), [
    'src/ggml/cpu-device.ts',
    'src/ggml/gpu-device.ts',
    'src/pager/calibrate.ts',
    'src/pager/read-buffers.ts',
    'src/pager/reader.ts',
    'src/pager/rows.ts',
    'src/state/kv-file.ts',
    'src/state/prefix-memory.ts',
    'src/state/spilled-area.ts',
  ]);
});

test('HTTP is spoken in http/ only', () => {
  nothing(importersOutside('http', /^(?:node:https?2?$|hono\b|@hono\/)/));
});

test('the environment, the arguments and the console belong to cli/', () => {
  const uses = /\bprocess\s*\??\.\s*(?:env|argv)\b|\bprocess\s*\[|\bconsole\s*\??\./;
  nothing(code.filter(({ path, code }) => folderOf(path) !== 'cli' && uses.test(code)).map(({ path }) => path));
  nothing(importersOutside('cli', /^(?:node:)?(?:process|console)$/));
});

/** The first cycle that is reached from `path`, as the files on it. */
function cycleFrom(
  path: string,
  graph: ReadonlyMap<string, readonly string[]>,
  way: readonly string[],
): readonly string[] {
  const at = way.indexOf(path);
  if (at >= 0) return [...way.slice(at), path];
  for (const next of graph.get(path) ?? []) {
    const cycle = cycleFrom(next, graph, [...way, path]);
    if (cycle.length > 0) return cycle;
  }
  return [];
}

test('signals are joined by `withEither`: AbortSignal.any leaves something at a signal that lives on, with every call', () => {
  nothing(code.filter(({ code }) => /\bAbortSignal\s*\.\s*any\b/.test(code)).map(({ path }) => path));
});

/** The line that opens the block which `line` stands in, by its indentation; a head of several lines is its first one. */
function openerOf(lines: readonly string[], line: number): number {
  const indent = (text: string): number => text.search(/\S/);
  const depth = indent(lines[line] ?? '');
  const head = lines.findLastIndex((text, i) => i < line && indent(text) >= 0 && indent(text) < depth);
  if (!/^\s*\)/.test(lines[head] ?? '')) return head;
  return lines.findLastIndex((text, i) => i < head && indent(text) === indent(lines[head] ?? ''));
}

/** Each `using` within a `try` that catches, within a loop of the same function. */
function caughtInLoops(code: string): readonly string[] {
  const lines = code.split('\n');
  const catches = (opener: number): boolean => {
    const end = lines.findIndex(
      (text, i) => i > opener && /^\s*\}/.test(text) && text.search(/\S/) === lines[opener]?.search(/\S/),
    );
    return /^\s*\} catch\b/.test(lines[end] ?? '');
  };
  return lines.flatMap((text, line) => {
    if (!/^\s*(?:await )?using \w/.test(text)) return [];
    let caught = false;
    for (let at = openerOf(lines, line); at >= 0; at = openerOf(lines, at)) {
      const head = lines[at] ?? '';
      if (/=>|\bfunction\b/.test(head)) return [];
      if (/^\s*(?:\w+: )?(?:for|while|do)\b/.test(head)) {
        if (caught) return [text.trim()];
      } else if (/^\s*try \{$/.test(head)) caught ||= catches(at);
    }
    return [];
  });
}

test('no loop catches what a `using` in it throws: esbuild 0.28 throws the first error again in every later turn', () => {
  nothing(code.flatMap(({ path, code }) => caughtInLoops(code).map((text) => `${path}: ${text}`)));
  const loop = (...body: readonly string[]): string =>
    [
      'function f() {',
      '  for (',
      '    const x of list',
      '  ) {',
      ...body.map((line) => `    ${line}`),
      '  }',
      '}',
    ].join('\n');
  const caught = ['try {', '  await using a = open();', '} catch {', '  n++;', '}'];
  assert.deepEqual(caughtInLoops(loop(...caught)), ['await using a = open();']);
  assert.deepEqual(caughtInLoops(loop('const f = () => {', ...caught.map((line) => `  ${line}`), '};')), []);
  assert.deepEqual(caughtInLoops(loop('using a = open();', 'try {', '  n++;', '} catch {}')), []);
  assert.deepEqual(caughtInLoops(loop('try {', '  using a = open();', '} finally {', '  n++;', '}')), []);
});

test('no files of a folder import each other in a circle, not even types', () => {
  const graph = new Map(
    code.map(({ path, imports }) => [
      path,
      [...new Set(imports.map(({ from }) => from))].filter((from) => folderOf(from) === folderOf(path)),
    ]),
  );
  nothing(code.map(({ path }) => cycleFrom(path, graph, []).join(' -> ')).filter((cycle) => cycle !== ''));
});

test('every export is imported by something that is not a test, or is a type that its own file goes on to use', () => {
  const users = [...code, ...others.filter(({ path }) => !path.startsWith('test/') && !path.endsWith('.test.ts'))];
  const used = new Set(users.flatMap(({ imports }) => imports.map(({ from, name }) => `${from} ${name}`)));
  const mentions = (source: Source, name: string): number =>
    source.code.match(new RegExp(`\\b${name}\\b`, 'g'))?.length ?? 0;
  nothing(
    code
      .filter(({ path }) => path !== publicApi)
      .flatMap((source) =>
        source.exports
          .filter((name) => !used.has(`${source.path} ${name}`))
          .filter((name) => !source.types.has(name) || mentions(source, name) < 2)
          .map((name) => `${source.path}: ${name}`),
      ),
  );
});

test('an exported name exists once: what two files call alike is looked for in both', () => {
  // The modules of test/long/ are parts of one kind, loaded by the names that they all export.
  const named = [...code, ...others.filter(({ path }) => !/^test\/long\/|\.test\.ts$/.test(path))]
    .filter(({ path }) => path !== publicApi)
    .flatMap(({ path, exports }) => exports.map((name) => ({ name, path })));
  const first = new Map(named.toReversed().map(({ name, path }) => [name, path]));
  nothing(
    named
      .filter(({ name, path }) => first.get(name) !== path)
      .map(({ name, path }) => `${name}: ${first.get(name)} and ${path}`),
  );
});

test('no file has more than 300 lines', () => {
  nothing([...src, ...others].filter(({ lines }) => lines > 300).map(({ path, lines }) => `${path}: ${lines}`));
});

test('nothing is exported as a default, and only the public API passes on what others export', () => {
  nothing([...src, ...others].filter(({ exports }) => exports.includes('default')).map(({ path }) => path));
  const passesOn = /^export\s+(?:type\s+)?(?:\*|\{[^}]*\}\s*from\b)/m;
  nothing(code.filter(({ path, code }) => path !== publicApi && passesOn.test(code)).map(({ path }) => path));
});

test('the rules see what a file imports and exports', () => {
  const source = parseSource(
    'src/plan/x.ts',
    `import koffi, { type KoffiFunc as F } from 'koffi';
import type { Weight } from '../gguf/weight.ts';
import {
  a,
  type B,
} from './y.ts';
import * as all from '../base/z.ts';
import './effect.ts';
// import { no } from './comment.ts';
/** export const no = 1; */
export const one = await import('./late.ts'); // console.log
  const { c, d } = await import('./later.ts');
  const e = (await import('./latest.ts')).e;
export async function* two(): unknown {}
export abstract class Three {}
export interface Shape {}
export type { Four as Five, Six } from './y.ts';
const text = 'export const no = 2';
`,
  );
  assert.deepEqual(
    source.imports.map(({ from, name }) => `${from} ${name}`),
    [
      'koffi KoffiFunc',
      'koffi default',
      'src/gguf/weight.ts Weight',
      'src/plan/y.ts a',
      'src/plan/y.ts B',
      'src/base/z.ts *',
      'src/plan/effect.ts ',
      'src/plan/y.ts Four',
      'src/plan/y.ts Six',
      'src/plan/late.ts *',
      'src/plan/later.ts c',
      'src/plan/later.ts d',
      'src/plan/latest.ts e',
    ],
  );
  assert.deepEqual(source.exports, ['one', 'two', 'Three', 'Shape', 'Five', 'Six']);
  assert.deepEqual([...source.types], ['Shape']);
  assert.equal(source.lines, 18);
  assert.ok(!source.code.includes('console') && source.code.includes('text'));
  assert.ok(src.length > 50 && code.every(({ exports, path }) => exports.length > 0 || path.endsWith('main.ts')));
});
