import assert from 'node:assert/strict';
import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { engineError } from '../../test/support/engine-error.ts';
import { elsewhereOf } from '../../test/support/owners.ts';
import { until } from '../../test/support/processes.ts';
import { tempFolder } from '../../test/support/temp-folder.ts';
import { FileLock } from './file-lock.ts';
import { ownerOf } from './owner.ts';

const linux = process.platform === 'linux';
const posix = process.platform !== 'win32';
const inUse = engineError('FILE_IN_USE');

test('a file that is locked is locked for everybody else, until its holder lets it go', () => {
  using folder = tempFolder();
  const path = folder.file('kept');
  {
    using lock = FileLock.acquire(path);
    assert.throws(() => FileLock.acquire(path), inUse);
    lock.check();
  }
  using lock = FileLock.acquire(path);
  lock.check();
  assert.deepEqual(readdirSync(folder.path), ['kept.lock']);
});

test('a lock is held by a process that lives, and taken over from one that was killed', { skip: !posix }, async () => {
  using folder = tempFolder();
  const path = folder.file('kept');
  const holder = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 1e6)']);
  writeFileSync(`${path}.lock`, `ssd-llm ${ownerOf(holder.pid ?? 0)} some-id\n`);
  assert.throws(
    () => FileLock.acquire(path),
    (error) => inUse(error) && new RegExp(`\\(${holder.pid}\\)`).test((error as Error).message),
  );
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  using lock = FileLock.acquire(path);
  lock.check();
});

test('a lock of a killed process whose parent never asks after it is taken over', { skip: !linux }, async () => {
  using folder = tempFolder();
  const path = folder.file('kept');
  // The shell becomes a program that knows of no children; the child is killed once it has.
  const waits = (said: string): string =>
    `"${process.execPath}" -e 'console.log("${said}"); setInterval(() => {}, 1e6)'`;
  const script = `${waits('child')} >/dev/null & echo $!; exec ${waits('ready')}`;
  const parent = spawn('/bin/sh', ['-c', script], { stdio: ['ignore', 'pipe', 'ignore'] });
  let printed = '';
  parent.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  try {
    while (!printed.includes('ready')) await once(parent.stdout, 'data');
    const pid = Number.parseInt(printed, 10);
    process.kill(pid, 'SIGKILL');
    await until(() => /\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8')));
    writeFileSync(`${path}.lock`, `ssd-llm ${ownerOf(pid)} some-id\n`);
    using lock = FileLock.acquire(path);
    lock.check();
  } finally {
    parent.kill('SIGKILL');
  }
});

test('a lock whose process gives no sign of life is taken over, and that process finds out', () => {
  using folder = tempFolder();
  const path = folder.file('kept');
  using old = FileLock.acquire(path);
  const longAgo = Date.now() / 1000 - 3600;
  utimesSync(`${path}.lock`, longAgo, longAgo);
  using lock = FileLock.acquire(path);
  lock.check();
  assert.throws(() => old.check(), inUse);
  old[Symbol.dispose]();
  lock.check();
});

test('what is no lock of ours is left alone', () => {
  using folder = tempFolder();
  const path = folder.file('kept');
  const longAgo = Date.now() / 1000 - 3600;
  for (const text of ['my notes', 'x'.repeat(1000)]) {
    writeFileSync(`${path}.lock`, text);
    utimesSync(`${path}.lock`, longAgo, longAgo);
    assert.throws(() => FileLock.acquire(path), inUse);
    assert.equal(readFileSync(`${path}.lock`, 'utf8'), text);
  }
  writeFileSync(`${path}.lock`, '');
  const later = Date.now() / 1000 + 3600;
  utimesSync(`${path}.lock`, later, later);
  assert.throws(() => FileLock.acquire(path), inUse, 'it may be being written');
  const lately = Date.now() / 1000 - 10;
  utimesSync(`${path}.lock`, lately, lately);
  FileLock.acquire(path)[Symbol.dispose]();
});

test('where no file can be made, that is said when it is locked', () => {
  using folder = tempFolder();
  assert.throws(() => FileLock.acquire(folder.file('none/kept')), engineError('UNWRITABLE', /ENOENT/));
});

test('a lock of a process before this one that had its number is taken over', () => {
  using folder = tempFolder();
  const path = folder.file('kept');
  writeFileSync(`${path}.lock`, `ssd-llm ${ownerOf()} some-id\n`);
  using lock = FileLock.acquire(path);
  lock.check();
  assert.throws(() => FileLock.acquire(path), inUse);
});

test('a lock from where other processes are seen is held until it gives no sign of life', () => {
  using folder = tempFolder();
  const path = folder.file('kept');
  const elsewhere = `${spawnSync(process.execPath, ['-e', '']).pid}-${elsewhereOf(ownerOf())}`;
  writeFileSync(`${path}.lock`, `ssd-llm ${elsewhere} some-id\n`);
  assert.throws(() => FileLock.acquire(path), inUse);
  const longAgo = Date.now() / 1000 - 3600;
  utimesSync(`${path}.lock`, longAgo, longAgo);
  using lock = FileLock.acquire(path);
  lock.check();
});

test('a process in a container takes no lock of one outside, nor one outside what is locked in there', (t) => {
  using folder = tempFolder();
  const path = folder.file('kept');
  const module = join(import.meta.dirname, 'file-lock.ts');
  const node = [process.execPath, '--import', 'tsx', '--input-type=module'];
  const code = `import { FileLock } from ${JSON.stringify(module)}; FileLock.acquire(process.argv[1])`;
  const inside = (file: string): SpawnSyncReturns<string> =>
    spawnSync('unshare', ['--map-root-user', '--pid', '--fork', ...node, '-e', code, file], { encoding: 'utf8' });
  // It ends without letting go what it locked.
  const { status, stderr } = inside(folder.file('other'));
  if (status !== 0 && !stderr?.includes('file-lock.ts')) return t.skip('no namespace of process numbers can be made');
  assert.equal(status, 0, stderr);
  assert.throws(() => FileLock.acquire(folder.file('other')), inUse);
  using lock = FileLock.acquire(path);
  assert.match(inside(path).stderr, /FILE_IN_USE/);
  lock.check();
});
