import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import test from 'node:test';
import './support/built.ts';

const published = readFileSync('dist/index.d.ts', 'utf8');

test('the library is published with the declarations of its exports alone, each with its description', () => {
  const names = [...readFileSync('src/index.ts', 'utf8').matchAll(/\{([^}]*)\} from/g)].flatMap(([, list = '']) =>
    list
      .split(',')
      .map((name) => name.trim())
      .filter(Boolean),
  );
  const declared = [...published.matchAll(/^ \*\/\nexport (?:declare )?(?:class|interface|type) (\w+)/gm)].map(
    ([, name]) => name,
  );
  assert.deepEqual(declared, names);
  assert.doesNotMatch(published, /^import /m);
  assert.equal(existsSync('dist/types'), false);
});
