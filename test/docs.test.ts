import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { docPages, writeSite } from '../scripts/docs-site.ts';
import { optionEntries } from '../src/cli/options/table.ts';
import { program } from '../src/cli/program.ts';
import { tempFolder } from './support/temp-folder.ts';

const pages = docPages();
const page = (path: string) => pages.find((page) => page.path === path);

test('README.md begins with the error that brings people here and a command that answers it, and is short', () => {
  const lines = readFileSync('README.md', 'utf8').split('\n');
  assert.match(lines.slice(0, 4).join('\n'), /model requires more system memory \(.*\) than is available/);
  assert.equal(page('README.md')?.code[0]?.text, 'ssd-llm run llama3.3:70b "Why is the sky blue?"');
  assert.ok(lines.length < 200, `${lines.length}`);
});

test('links between pages lead to files that exist, and to headings that they have', () => {
  const broken = pages.flatMap(({ path, links }) =>
    links
      .filter(({ path: to, anchor }) => {
        if (anchor !== undefined) return !page(to)?.anchors.has(anchor);
        return !existsSync(to) && page(to) === undefined;
      })
      .map(({ path: to, anchor }) => `${path}: ${to}${anchor === undefined ? '' : `#${anchor}`}`),
  );
  assert.deepEqual(broken, []);
  assert.ok(pages.flatMap(({ links }) => links).length > 50);
});

test('every page of docs/ is reached from README.md', () => {
  const reached = new Set(['README.md']);
  for (const path of reached) for (const { path: to } of page(path)?.links ?? []) reached.add(to);
  const missed = pages.map(({ path }) => path).filter((path) => !reached.has(path) && !path.startsWith('docs/adr/'));
  assert.deepEqual(missed, []);
});

/** Commands of ssd-llm in blocks of code, as words up to the end of the command. */
const commandLines = pages.flatMap(({ path, code }) =>
  code
    .filter(({ language }) => language === 'sh')
    .flatMap(({ text }) => [...text.replaceAll('\\\n', ' ').matchAll(/(?<=^|\| )ssd-llm +([^\n|#]*)/gm)])
    .map(([, words = '']) => ({
      path,
      words: words
        .replaceAll(/"[^"]*"|'[^']*'/g, 'TEXT')
        .trim()
        .split(/\s+/),
    })),
);

test('commands in the pages exist, and have the options that they are shown with', () => {
  const names = new Set(program().commands.flatMap((command) => [command.name(), ...command.aliases()]));
  const flagsOf = (command: string): readonly string[] =>
    optionEntries
      .filter(([, { commands }]) => (commands as readonly string[]).includes(command))
      .flatMap(([, { flags, aliases = [] }]) => [flags, ...aliases.map(({ flags }) => flags)])
      .flatMap((flags) => flags.match(/(?<![\w-])--?[a-z][\w-]*/g) ?? []);
  assert.ok(commandLines.length > 30, `${commandLines.length}`);
  const unknown = commandLines.flatMap(({ path, words: [command = '', ...words] }) => [
    ...(names.has(command) ? [] : [`${path}: ${command}`]),
    ...words
      .filter((word) => /^--?[a-z]/.test(word) && !flagsOf(command).includes(word.replace(/=.*/, '')))
      .map((word) => `${path}: ${command} ${word}`),
  ]);
  assert.deepEqual(unknown, []);
});

test('the site has a page for each, asks nothing of other hosts, and its links lead to its files', () => {
  using folder = tempFolder();
  writeSite(folder.path);
  for (const { path } of pages) {
    const place = path === 'README.md' ? 'index.html' : path.replace(/\.md$/, '.html');
    const html = readFileSync(folder.file(place), 'utf8');
    assert.doesNotMatch(html, /<script|(?:src|<link[^>]* href)="https?:/);
    for (const [, to = ''] of html.matchAll(/(?:href|src)="(?!https?:)([^"#]+)/g)) {
      assert.ok(existsSync(join(folder.file(place), '..', to)), `${place}: ${to}`);
    }
  }
});
