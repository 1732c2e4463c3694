import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { readSources } from './support/sources.ts';

test('each name of the glossary is exported where the glossary says', () => {
  const exported = new Map(readSources('src').map(({ path, exports }) => [path, exports]));
  const text = readFileSync(new URL('../docs/GLOSSARY.md', import.meta.url), 'utf8');
  const rows = [...text.matchAll(/^\| (?!Word|---)(.+?) \| .+ \| (.+) in `(.+)` \|$/gm)];
  assert.equal(rows.length, text.split('\n').filter((line) => /^\| (?!Word)/.test(line)).length);
  for (const [, word, names = '', file] of rows) {
    for (const [, name = ''] of names.matchAll(/`(\w+)`/g)) {
      assert.ok(exported.get(`src/${file}`)?.includes(name), `${word}: ${name} in ${file}`);
    }
  }
  const words = rows.flatMap(([, word = '']) => word.split(', '));
  assert.deepEqual(words, [...new Set(words)], 'one word, one thing');
});
