import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { type RandomModelSpec, writeRandomModel } from '../bench/random-model.ts';
import type { ErrorCode } from '../src/base/error-details.ts';
import { attemptCli } from './support/attempt-cli.ts';
import { writeChatModel } from './support/chat-model.ts';
import { type Ended, run, start } from './support/cli.ts';
import { writeRandom } from './support/model-files.ts';
import { smollm2 } from './support/smollm2.ts';
import { type TempFolder, tempFolder } from './support/temp-folder.ts';

const spec: RandomModelSpec = {
  architecture: 'llama',
  layers: 2,
  width: 64,
  heads: 4,
  kvHeads: 2,
  feedForward: 96,
  vocabulary: 160,
};

/** Writes a good model, and lets `damage` change its bytes. */
function damaged(folder: TempFolder, damage: (bytes: Buffer) => Buffer = (bytes) => bytes): string {
  const path = writeRandom(folder.file('model.gguf'), spec);
  writeFileSync(path, damage(readFileSync(path)));
  return path;
}

/** Replaces the first occurrence of a text by another one as long. */
const replace =
  (from: string, to: string) =>
  (bytes: Buffer): Buffer => {
    const at = bytes.indexOf(from);
    assert.ok(at > 0 && from.length === to.length);
    bytes.write(to, at, 'latin1');
    return bytes;
  };

/** Sets the type of a tensor: it follows the name, the number of dimensions and two dimensions. */
const retype =
  (tensor: string, type: number) =>
  (bytes: Buffer): Buffer => {
    bytes.writeUInt32LE(type, bytes.indexOf(tensor) + tensor.length + 4 + 2 * 8);
    return bytes;
  };

function isRefused({ code, stderr }: Pick<Ended, 'code' | 'stderr'>, expected: ErrorCode, exitCode = 1): void {
  assert.match(stderr, new RegExp(`^error: .+; .+ \\[${expected}\\]\n$`), 'one line: what happened and what to do');
  assert.equal(code, exitCode);
}

const files: Readonly<Record<string, readonly [ErrorCode, (folder: TempFolder) => string, number?]>> = {
  'a missing file': ['MODEL_NOT_FOUND', (folder) => folder.file('none.gguf'), 3],
  'a folder': ['BAD_OPTION', (folder) => folder.path, 2],
  'an empty file': ['NOT_GGUF', (folder) => damaged(folder, () => Buffer.alloc(0))],
  'a file of something else': ['NOT_GGUF', (folder) => damaged(folder, () => Buffer.from('PK and so on'))],
  'a file of version 1': [
    'GGUF_VERSION',
    (folder) =>
      damaged(folder, (bytes) => {
        bytes.writeUInt32LE(1, 4);
        return bytes;
      }),
  ],
  'a file cut in its header': ['GGUF_TRUNCATED', (folder) => damaged(folder, (bytes) => bytes.subarray(0, 300))],
  'a file cut in its tensors': ['GGUF_TRUNCATED', (folder) => damaged(folder, (bytes) => bytes.subarray(0, -100))],
  'an absurd count of tensors': [
    'GGUF_CORRUPT',
    (folder) =>
      damaged(folder, (bytes) => {
        bytes.writeBigUInt64LE(2n ** 62n, 8);
        return bytes;
      }),
  ],
  'an unknown architecture': ['UNKNOWN_ARCHITECTURE', (folder) => damaged(folder, replace('llama', 'lamia'))],
  'an unknown tensor type': ['UNKNOWN_TENSOR_TYPE', (folder) => damaged(folder, retype('blk.0.attn_q.weight', 999))],
  'a removed tensor type': ['UNKNOWN_TENSOR_TYPE', (folder) => damaged(folder, retype('blk.0.attn_q.weight', 4))],
  'a type that cannot be multiplied': [
    'UNSUPPORTED_TENSOR_TYPE',
    (folder) => damaged(folder, retype('blk.0.attn_q.weight', 26)),
  ],
  'a missing tensor': ['MISSING_TENSOR', (folder) => damaged(folder, replace('blk.1.ffn_up.', 'blk.1.ffn_uq.'))],
  'a wrong shape': [
    'WRONG_SHAPE',
    (folder) =>
      damaged(folder, (bytes) => {
        const key = 'llama.feed_forward_length';
        bytes.writeUInt32LE(128, bytes.indexOf(key) + key.length + 4);
        return bytes;
      }),
  ],
  'a missing shard': [
    'MISSING_SHARD',
    (folder) => {
      const [first = '', second = ''] = writeRandomModel(folder.file('model.gguf'), { ...spec, split: 3 });
      rmSync(second);
      return first;
    },
    3,
  ],
};

for (const [name, [code, make, exitCode]] of Object.entries(files)) {
  test(`${name} is refused as ${code}`, async () => {
    using folder = tempFolder();
    const path = make(folder);
    isRefused(await attemptCli('run', path, '--prompt', 'Hi'), code, exitCode);
    isRefused(await attemptCli('info', path), code, exitCode);
  });
}

test('a process that refuses says so on stderr alone, and ends with the exit code', async () => {
  using folder = tempFolder();
  const ended = await run(['run', folder.file('none.gguf'), '--prompt', 'Hi']);
  isRefused(ended, 'MODEL_NOT_FOUND', 3);
  assert.equal(ended.stdout, '');
});

test('a file that may not be read is refused as UNREADABLE', async (t) => {
  if (process.platform === 'win32' || process.getuid?.() === 0) return t.skip('this user may read every file');
  using folder = tempFolder();
  const path = damaged(folder);
  chmodSync(path, 0o000);
  isRefused(await attemptCli('run', path, '--prompt', 'Hi'), 'UNREADABLE');
});

/** The path of a model in `folder` that can answer. */
function sound(folder: TempFolder): string {
  const path = folder.file('chat.gguf');
  writeChatModel(path);
  return path;
}

test('a budget that is too small is refused with the smallest that works, and that one works', async () => {
  using folder = tempFolder();
  const args = ['run', sound(folder), '-p', 'Hi', '--ctx', '256', '-n', '3', '--threads', '1'];
  const refused = await run([...args, '-m', '20M']);
  isRefused(refused, 'BUDGET_TOO_SMALL');
  const [, least = ''] = /needs at least (\d+) MiB \(runtime/.exec(refused.stderr) ?? [];
  // Rounded to whole MiB in the message, and the process itself differs by some from run to run.
  const { code, stderr } = await run([...args, '-m', `${Number(least) + 8}M`]);
  assert.equal(code, 0, stderr);
});

test('a prompt longer than the context is refused, before any weight is read', async () => {
  using folder = tempFolder();
  const prompt = 'word '.repeat(300);
  const ended = await attemptCli('run', sound(folder), '-p', prompt, '--ctx', '64', '-m', '1G');
  isRefused(ended, 'CONTEXT_TOO_LONG');
  assert.match(ended.stderr, /the context holds 64/);
});

test('a context beyond what the model was trained for, no prompt, and wrong options are usage errors', async () => {
  using folder = tempFolder();
  const path = sound(folder);
  isRefused(await attemptCli('run', path, '-p', 'Hi', '--ctx', '100000'), 'CONTEXT_BEYOND_MODEL', 2);
  isRefused(await attemptCli('run', path, '-p', ''), 'NO_PROMPT', 2);
  const wrong = [
    ['--memory-budget', '12Q'],
    ['--temperature', 'hot'],
    ['--top-p', '2'],
    ['--ctx', '1.5'],
    ['--threads', '0'],
    ['--kernels', 'fast'],
    ['--kv-home', 'moon'],
    ['--seed', '-1'],
    ['--bogus'],
  ];
  for (const options of wrong) {
    const { code, stderr } = await attemptCli('run', path, '-p', 'Hi', ...options);
    assert.equal(code, 2, options.join(' '));
    assert.match(stderr, new RegExp(`^error: .*${options[0]}`));
  }
});

test('a file that shrinks while its weights stream ends the answer with FILE_CHANGED', async () => {
  using folder = tempFolder();
  const path = folder.file('shrinking.gguf');
  copyFileSync(await smollm2(), path);
  const { child, ended } = start([
    'run',
    path,
    '-p',
    'Tell me a story.',
    '-m',
    '192M',
    '--ctx',
    '512',
    '--threads',
    '1',
  ]);
  child.stdout?.once('data', () => truncateSync(path, 20_000_000));
  const { code, stderr } = await ended;
  assert.equal(code, 1);
  assert.match(stderr, /^error: .* became shorter while it was in use .*\[FILE_CHANGED\]\n$/);
});

test('a file that is deleted while its weights stream answers to the end', {
  skip: process.platform === 'win32',
}, async () => {
  using folder = tempFolder();
  const path = folder.file('deleted.gguf');
  copyFileSync(await smollm2(), path);
  const { child, ended } = start([
    'run',
    path,
    '-p',
    'Tell me a story.',
    '-m',
    '192M',
    '--ctx',
    '512',
    '-n',
    '20',
    '--threads',
    '1',
  ]);
  child.stdout?.once('data', () => rmSync(path));
  const { code, stderr } = await ended;
  assert.deepEqual([code, stderr], [0, '']);
});

test('a model after -m, as llama.cpp takes it, is told apart from a model that is missing', async () => {
  const { code, stderr } = await attemptCli('run', '-m', 'model.gguf', '-p', 'Hi');
  assert.equal(code, 2);
  assert.match(stderr, /a model is named without an option, and -m is the memory budget/);
});
