import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import './support/built.ts';

/** A file of declarations, as it is published, without comments. */
const declarations = (path: string): string => readFileSync(`dist/${path}`, 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');

/** Exports of the library, each with the file that declares it. */
const exported = new Map(
  [...declarations('index.d.ts').matchAll(/\{([^}]*)\} from '\.\/([^']+)\.ts'/g)].flatMap(([, names = '', file]) =>
    names
      .split(',')
      .map((name) => name.trim())
      .filter(Boolean)
      .map((name) => [name, `${file}.d.ts`] as const),
  ),
);

/** The declaration of a name in a file's text. */
function declarationOf(name: string, text: string): string {
  const begin = text.search(new RegExp(`^export (?:declare )?(?:class|interface|type) ${name}\\b`, 'm'));
  assert.ok(begin >= 0, name);
  const end = text.slice(begin + 1).search(/^(?:export|declare|interface|type|import) /m);
  return end < 0 ? text.slice(begin) : text.slice(begin, begin + 1 + end);
}

/** Types that a file imports or declares, but for names that it gives to a type for itself. */
function typesIn(text: string): readonly string[] {
  const imported = [...text.matchAll(/^import (?:type )?\{([^}]*)\}/gm)].flatMap(([, names = '']) => names.split(','));
  const declared = [...text.matchAll(/^(?:(?:export )?(?:declare )?(?:class|interface)|export type) (\w+)/gm)].map(
    ([, name]) => name,
  );
  return [...imported, ...declared].map((name = '') => name.trim().replace(/^type /, '')).filter(Boolean);
}

test('every type that a public declaration names is exported, too', () => {
  const missing = [...exported].flatMap(([name, file]) => {
    const text = declarations(file);
    const declaration = declarationOf(name, text);
    return typesIn(text)
      .filter((type) => !exported.has(type) && new RegExp(`\\b${type}\\b`).test(declaration))
      .map((type) => `${name}: ${type}`);
  });
  assert.deepEqual(missing, []);
  assert.ok(exported.size > 30);
});
