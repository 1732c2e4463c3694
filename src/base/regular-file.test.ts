import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import test from 'node:test';
import { makePipe } from '../../test/support/pipes.ts';
import { tempFolder } from '../../test/support/temp-folder.ts';
import { openRegularFile, openRegularFileSync, readTextFile } from './regular-file.ts';

const posix = process.platform !== 'win32';

test('a pipe, a device, a socket and a folder are no files, and are said to be none at once', {
  skip: !posix,
}, async (t) => {
  using folder = tempFolder();
  makePipe(folder.file('pipe'));
  const server = createServer().listen(folder.file('socket'));
  t.after(() => server.close());
  await once(server, 'listening');
  const kinds = [
    [folder.file('pipe'), /it is a named pipe, not a file/],
    [folder.file('socket'), /it is a socket, not a file/],
    ['/dev/zero', /it is a device, not a file/],
    [folder.path, /it is a folder, not a file/],
    [folder.file('nothing'), /ENOENT/],
  ] as const;
  for (const [path, expected] of kinds) {
    await assert.rejects(openRegularFile(path), expected);
    assert.throws(() => openRegularFileSync(path), expected);
    assert.throws(() => readTextFile(path, 10), expected);
  }
});

test('a text is read as a whole, or not at all if there is more of it than is wanted', () => {
  using folder = tempFolder();
  writeFileSync(folder.file('text'), 'plüm');
  assert.equal(readTextFile(folder.file('text'), 5), 'plüm');
  assert.throws(() => readTextFile(folder.file('text'), 4), /it has 5 bytes, more than 4/);
});
