import assert from 'node:assert/strict';
import test from 'node:test';
import { writeBatchModel } from './support/batch-model.ts';
import { run } from './support/cli.ts';
import { pty, withoutPty } from './support/pty.ts';
import { tempFolder } from './support/temp-folder.ts';

const unsafe = /[^\P{Cc}\r\n\t]/u;

test('an answer is what the model says where it is piped, and safe where it is shown', {
  skip: withoutPty,
}, async () => {
  using folder = tempFolder();
  const path = folder.file('model.gguf');
  writeBatchModel(path, 512);
  // Hot enough that it says any byte, control characters among them.
  const args = [
    'run',
    path,
    '--raw',
    '-p',
    'Hi',
    '-n',
    '400',
    '-c',
    '512',
    '-m',
    '300M',
    '-t',
    '1',
    '--temperature',
    '50',
    '--top-k',
    '0',
    '--top-p',
    '1',
    '--min-p',
    '0',
  ];
  // An answer in fifty ends before it has said one.
  let seed = 0;
  let piped: Awaited<ReturnType<typeof run>>;
  do {
    seed += 1;
    piped = await run([...args, '--seed', `${seed}`]);
    assert.equal(piped.code, 0, piped.stderr);
  } while (!unsafe.test(piped.stdout) && seed < 10);
  assert.match(piped.stdout, unsafe);
  const shown = await run([...args, '--seed', `${seed}`], { wrapper: pty });
  assert.equal(shown.code, 0);
  assert.match(shown.stdout, /\ufffd/);
  assert.doesNotMatch(shown.stdout, unsafe);
});
