import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { makePipe } from '../../../test/support/pipes.ts';
import { tempFolder } from '../../../test/support/temp-folder.ts';
import { ChatHistory } from './chat-history.ts';

test('lines are there in the next conversation, the latest first', () => {
  using folder = tempFolder();
  const cache = folder.file('deep/cache');
  const first = new ChatHistory(cache);
  for (const line of ['one', 'two ü', '', '  ', 'two ü', 'three']) first.add(line);
  assert.deepEqual(first.lines, ['three', 'two ü', 'one']);
  assert.deepEqual(new ChatHistory(cache).lines, first.lines);
  assert.deepEqual(readdirSync(cache), ['chat-history']);
});

test('the last thousand lines are kept', () => {
  using folder = tempFolder();
  writeFileSync(folder.file('chat-history'), Array.from({ length: 1500 }, (_, i) => `${i}\n`).join(''));
  const history = new ChatHistory(folder.path);
  history.add('last');
  assert.equal(history.lines.length, 1000);
  assert.deepEqual([history.lines[0], history.lines.at(-1)], ['last', '501']);
  assert.equal(readFileSync(folder.file('chat-history'), 'utf8').split('\n').length, 1001);
});

test('two conversations at once keep the lines of both, and each recalls its own', () => {
  using folder = tempFolder();
  const [one, two] = [new ChatHistory(folder.path), new ChatHistory(folder.path)];
  one.add('a');
  two.add('b');
  one.add('c');
  assert.deepEqual(one.lines, ['c', 'a']);
  assert.deepEqual(new ChatHistory(folder.path).lines, ['c', 'b', 'a']);
});

test('nobody else may read the file', { skip: process.platform === 'win32' }, () => {
  using folder = tempFolder();
  new ChatHistory(folder.path).add('private');
  assert.equal(statSync(folder.file('chat-history')).mode & 0o777, 0o600);
});

test('where nothing can be kept, it works for this conversation', () => {
  using folder = tempFolder();
  writeFileSync(folder.file('file'), '');
  mkdirSync(folder.file('taken/chat-history'), { recursive: true });
  for (const nowhere of [folder.file('file'), folder.file('taken')]) {
    const history = new ChatHistory(nowhere);
    history.add('one');
    assert.deepEqual(history.lines, ['one']);
  }
});

test('lines are for their user only, also where the file was for others; a pipe in its place keeps none', (t) => {
  if (process.platform === 'win32') return t.skip('files have other rights there');
  using folder = tempFolder();
  const file = folder.file('chat-history');
  writeFileSync(file, 'Hello\n', { mode: 0o644 });
  new ChatHistory(folder.path).add('And now?');
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.deepEqual(new ChatHistory(folder.path).lines, ['And now?', 'Hello']);
  rmSync(file);
  makePipe(file);
  assert.deepEqual(new ChatHistory(folder.path).lines, []);
});
