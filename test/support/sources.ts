import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** One name that a file imports or passes on; '*' is everything. */
export interface Import {
  /** A path from the repository's root, or a package as it is written. */
  readonly from: string;
  readonly name: string;
}

/** A TypeScript file of the repository. */
export interface Source {
  /** From the repository's root, with slashes. */
  readonly path: string;
  readonly lines: number;
  /** The sentences of its comments, each with the line on which its comment begins. */
  readonly sentences: readonly { readonly line: number; readonly text: string }[];
  /** The text without comments. */
  readonly code: string;
  readonly imports: readonly Import[];
  /** Names that it exports; a default export is 'default', `export *` is '*'. */
  readonly exports: readonly string[];
  /** Exported names that are types. */
  readonly types: ReadonlySet<string>;
}

const withoutComments = (text: string): string =>
  text.replace(/^[ \t]*\/\*[\s\S]*?\*\//gm, '').replace(/(^|\s)\/\/.*$/gm, '$1');

/** A block comment, lines of comments below each other, or a comment behind code. */
const comment = /^[ \t]*(?:\/\*[\s\S]*?\*\/|\/\/.*(?:\n[ \t]*\/\/.*)*)|(?<=\s)(?:\/\/.*|\/\*\*.*?\*\/)/gm;
/** Marks of a comment at the begin of a line, and at the end of a block. */
const marks = /^[ \t]*(?:\/\*\*?|\*\/|\*(?!\w)|\/\/)|\*\/$/gm;
/** Sentences end with a full stop or a colon; paragraphs, tags and points of a list begin new ones. */
const sentenceEnd = /(?<=[.!?:]["'`)]*)\s+|\n\s*(?=\n|@|- )/;

const sentencesOf = (text: string): Source['sentences'] =>
  [...text.matchAll(comment)].flatMap((match) => {
    const line = text.slice(0, match.index).split('\n').length;
    const sentences = match[0].replace(marks, '').split(sentenceEnd);
    return sentences.map((sentence) => ({ line, text: sentence.replace(/\s+/g, ' ').trim() }));
  });

/** "{ a, type b as c }" -> the names on the left of `as`, or on the right of it. */
function namesOf(clause: string, side: 'left' | 'right'): readonly string[] {
  const names = clause.replace(/[{}]/g, '').split(',');
  return names.flatMap((name) => {
    const [left, right = left] = name
      .replace(/\btype\s+/, '')
      .trim()
      .split(/\s+as\s+/);
    return (side === 'left' ? left : right) || [];
  });
}

/** An import or a re-export: a default, everything, a list of names, or nothing but the module. */
const fromModule =
  /^(?:import|export)\s+(?:type\s+)?(?:((?:[\w$]+(?=[\s,]))?[\s,]*(?:\*(?:\s+as\s+\w+)?|\{[^}]*\})?)\s*from\s*)?'([^']+)'/gm;
/** An import as a whole, `const { a, b } = await import('...')`, or `(await import('...')).a`. */
const dynamicImport = /(?:\bconst\s+(\{[^}]*\})\s*=\s*await\s+)?\bimport\(\s*'([^']+)'\s*\)(?:\)\.(\w+))?/g;
const declaration =
  /^export\s+(?:declare\s+|abstract\s+|async\s+)*(?:const|let|var|function\*?|class|interface|type|enum|namespace)\s+(\w+)/gm;
const typeDeclaration = /^export\s+(?:declare\s+)?(?:interface|type)\s+(\w+)/gm;
const exportList = /^export\s+(?:type\s+)?(\{[^}]*\})/gm;
const starExport = /^export\s+\*/gm;
const defaultExport = /^export\s+default\b/gm;

function importsOf(path: string, code: string): readonly Import[] {
  const resolve = (module: string): string =>
    module.startsWith('.') ? join(dirname(path), module).split(sep).join('/') : module;
  const named = [...code.matchAll(fromModule)].flatMap(([, clause = '', module = '']) => {
    const list = /\{[^}]*\}/.exec(clause)?.[0];
    const rest = clause
      .replace(/\{[^}]*\}/, '')
      .replace(',', '')
      .trim();
    const names = [...(list ? namesOf(list, 'left') : []), ...(rest ? [rest.startsWith('*') ? '*' : 'default'] : [])];
    return (names.length > 0 ? names : ['']).map((name) => ({ from: resolve(module), name }));
  });
  const dynamic = [...code.matchAll(dynamicImport)].flatMap(([, list, module = '', member = '*']) =>
    namesOf(list ?? member, 'left').map((name) => ({ from: resolve(module), name })),
  );
  return [...named, ...dynamic];
}

const exportsOf = (code: string): readonly string[] => [
  ...[...code.matchAll(declaration)].map(([, name = '']) => name),
  ...[...code.matchAll(exportList)].flatMap(([, clause = '']) => namesOf(clause, 'right')),
  ...[...code.matchAll(starExport)].map(() => '*'),
  ...[...code.matchAll(defaultExport)].map(() => 'default'),
];

/** The imports, exports and comments of a file at `path`. */
export function parseSource(path: string, text: string): Source {
  const code = withoutComments(text);
  const lines = text.split('\n').length - 1;
  const types = new Set([...code.matchAll(typeDeclaration)].map(([, name = '']) => name));
  return {
    path,
    lines,
    sentences: sentencesOf(text),
    code,
    imports: importsOf(path, code),
    exports: exportsOf(code),
    types,
  };
}

/** All TypeScript files below `folder` of the repository. */
export function readSources(folder: string): readonly Source[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort()
    .map((path) => parseSource(path, readFileSync(join(root, path), 'utf8')));
}
