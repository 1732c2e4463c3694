// Makes dist/index.d.ts of what src/index.ts exports, out of the declarations of all files in dist/types: those name what is
// internal, and would be checked with every program that checks the libraries it uses.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';

const read = (path) => readFileSync(`dist/types/${path}`, 'utf8');
const names = (list) =>
  list
    .split(',')
    .map((name) => name.trim().replace(/^type /, ''))
    .filter(Boolean);

/** The statements of a file of declarations, each with the comment before it. */
function statementsOf(text) {
  const found = [];
  let comment = '';
  for (const part of text.split(/^(?=\/\*\*|export |declare |import |interface |type )/m)) {
    if (/^\/\*\*[\s\S]*?\*\/\s*$/.test(part)) comment = part;
    // A comment on a member of a union.
    else if (part.startsWith('/**')) found.at(-1).text += part;
    else {
      found.push({ comment, text: part });
      comment = '';
    }
  }
  return found;
}

const declared = /^(?:export )?(?:declare )?(?:class|interface|type|const|function) (\w+)/;

/** The exports of the library, each with the file that declares it, in order. */
const exported = new Map(
  [...read('index.d.ts').matchAll(/\{([^}]*)\} from '\.\/([^']+)\.ts'/g)].flatMap(([, list, file]) =>
    names(list).map((name) => [name, `${file}.d.ts`]),
  ),
);

/** Declarations by name: of exports, and of what they are made of in their own files. */
const made = new Map();

/** Adds a declaration of a file, and those of that file that it names. */
function add(name, file) {
  const statements = statementsOf(read(file));
  const find = (wanted) => statements.find(({ text }) => declared.exec(text)?.[1] === wanted);
  const own = find(name);
  if (!own || made.has(name)) throw new Error(`${name} is declared twice, or not in ${file}`);
  const isExport = exported.has(name);
  const text = isExport ? own.text.replace(/^(?!export )/, 'export ') : own.text.replace(/^export /, '');
  made.set(name, `${own.comment}${text}`);
  const isNamed = (one) => !exported.has(one) && one !== name && new RegExp(`\\b${one}\\b`).test(own.text);
  for (const one of statements.flatMap(({ text }) => importedBy(text)).filter(isNamed)) {
    throw new Error(`${name} names what is not exported: ${one}`);
  }
  for (const { text } of statements) {
    const [, one] = declared.exec(text) ?? [];
    if (one !== undefined && isNamed(one) && !made.has(one)) add(one, file);
  }
}

/** Names that an import gives in its file. */
const importedBy = (text) =>
  names(/^import (?:type )?\{([^}]*)\}/.exec(text)?.[1] ?? '').map((name) => name.split(' as ').at(-1));

for (const [name, file] of exported) add(name, file);
rmSync('dist/types', { recursive: true });
// Otherwise all declarations would be exports.
writeFileSync('dist/index.d.ts', `${[...made.values()].join('')}export {};\n`);
