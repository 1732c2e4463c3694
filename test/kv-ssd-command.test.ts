import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { memoryGroup } from '../bench/memory-group.ts';
import { formatBytes } from '../src/base/bytes.ts';
import { ownerOf } from '../src/base/owner.ts';
import { writeBatchModel } from './support/batch-model.ts';
import { writeChatModel } from './support/chat-model.ts';
import { type Ended, run, runJson, start } from './support/cli.ts';
import { smallSsd } from './support/full-disk.ts';
import { isAlive, until } from './support/processes.ts';
import { modest, postTo, serve } from './support/server.ts';
import { smollm2 } from './support/smollm2.ts';
import { Teller } from './support/teller.ts';
import { sharedFolder, tempFolder } from './support/temp-folder.ts';

const folder = sharedFolder();
const model = await smollm2();
const small = writeChatModel(folder.file('chat.gguf'));
const linux = process.platform === 'linux';
const kvDir = folder.file('kv');
const question = ['-p', 'Why is the sky blue?', '--temperature', '0', '-t', '1', '-n', '12'];
const tight = ['-m', '192M', '-c', '512'];
const onSsd = ['--mmap-kv', '--kv-dir', kvDir];

interface Planned {
  readonly kv_on_ssd: { readonly bytes: number; readonly layers: number };
  readonly bytes_per_token: number;
  readonly streamed: { readonly bytes: number };
  readonly memory: Readonly<Record<string, number>>;
}

const planned = async (...args: readonly string[]): Promise<Planned> =>
  (await runJson<{ plan: Planned }>(['info', model, ...args])).plan;
const refused = ({ code, stdout, stderr }: Ended, error: string, exit: number): void => {
  assert.deepEqual([code, stdout], [exit, ''], stderr);
  assert.match(stderr, new RegExp(`\\[${error}\\]$`, 'm'));
};

test('keys and values on the SSD give the answer of those in memory, within the budget', async (t) => {
  const budget = 192 * 2 ** 20;
  const group = memoryGroup(budget);
  const limited = typeof group !== 'string';
  if (!limited) t.diagnostic(`no cgroup (${group}): the process's own peak is checked instead`);
  const args = ['run', model, ...question, '-m', `${budget}`, '-c', '2048', '--kernels', 'plain'];
  const inMemory = await runJson([...args, '--kv-home', 'ram']);
  const answer = await runJson([...args, ...onSsd], limited ? { wrapper: group.wrapper } : {});
  assert.equal(answer.text, inMemory.text);
  assert.equal(inMemory.stats.io.bytes_written, 0);
  const { peak, kv } = answer.stats.memory;
  assert.ok(kv < inMemory.stats.memory.kv / 2);
  t.diagnostic(`the process's peak was ${formatBytes(peak)} of ${formatBytes(budget)}`);
  assert.ok(peak <= budget, `peak ${peak}`);
  if (limited) {
    t.diagnostic(`the cgroup's peak was ${formatBytes(group.peak())}`);
    assert.ok(group.peak() <= budget);
    group[Symbol.dispose]();
  }
  assert.deepEqual(readdirSync(kvDir), []);
});

test('info says what lives on the SSD, to people and programs, and run does so', async () => {
  const plan = await planned(...tight, '--kv-home', 'ssd');
  // 30 layers of 3 heads of 64, as float16, in units of 16 KiB.
  assert.deepEqual(plan.kv_on_ssd, { bytes: 2 * 30 * 512 * 3 * 64 * 2, layers: 30 });
  assert.equal(plan.bytes_per_token, plan.streamed.bytes + plan.kv_on_ssd.bytes);
  const { stdout } = await run(['info', model, ...tight, '--kv-home', 'ssd']);
  assert.match(stdout, /^ {2}KV on SSD {1,}11\.3 MiB, read for each token as far as the text goes$/m);
  // Rows are written in units of 16 KiB, which 128 tokens of this model fill: a token for each letter.
  const batch = [writeBatchModel(folder.file('batch.gguf')), '-m', '192M', '-c', '256', ...onSsd];
  const { stats } = await runJson(['run', ...batch, '--raw', '-p', 'plum '.repeat(36), '-n', '2']);
  assert.ok(stats.io.bytes_written > 0);
  assert.equal(stats.memory.kv, (await runJson<{ plan: Planned }>(['info', ...batch])).plan.memory['kv']);
  assert.ok(stats.decode.bytes_per_token > 0);
  const inMemory = await planned(...tight, '--kv-home', 'ram');
  assert.deepEqual(inMemory.kv_on_ssd, { bytes: 0, layers: 0 });
  assert.doesNotMatch((await run(['info', model, ...tight, '--kv-home', 'ram'])).stdout, /KV on SSD/);
});

test('what would crowd out the weights goes to the SSD without being asked to, and the smallest budget that is named works', async () => {
  const long = ['-c', '8192'];
  assert.equal((await planned('-m', '2G', ...long)).kv_on_ssd.layers, 0, 'all fits');
  const { kv_on_ssd } = await planned('-m', '256M', ...long);
  assert.ok(kv_on_ssd.layers > 0);
  const smallest = async (home: string): Promise<number> => {
    const args = ['info', model, '-m', '20M', ...long, '--kv-home', home, '-t', '1'];
    return Number(/needs at least (\d+) MiB/.exec((await run(args)).stdout)?.[1]);
  };
  const [auto, ssd, ram] = [await smallest('auto'), await smallest('ssd'), await smallest('ram')];
  // The memory of the process is measured each time.
  assert.ok(Math.abs(auto - ssd) < 8 && ssd < ram - 100, `${auto}, ${ssd}, ${ram}`);
  const { stats } = await runJson([
    'run',
    model,
    ...question,
    '-n',
    '4',
    ...long,
    '-m',
    `${auto + 8}M`,
    '--kv-dir',
    kvDir,
  ]);
  assert.ok(stats.memory.peak <= stats.memory.budget, `${stats.memory.peak} of ${stats.memory.budget}`);
});

test('without room, or a folder, there is no answer but KV_SPACE, and exit code 1', async (t) => {
  writeFileSync(folder.file('file'), '');
  const args = ['run', model, ...question, ...tight, '--mmap-kv', '--kv-dir'];
  refused(await run([...args, folder.file('file')]), 'KV_SPACE', 1);
  using disk = smallSsd(2 ** 20);
  if (!disk) return t.diagnostic('no disk of its own can be made');
  refused(await run([...args, disk.path]), 'KV_SPACE', 1);
  assert.deepEqual(readdirSync(disk.path), []);
});

/** Whether `pid` has a file for keys and values open. */
const hasFile = (pid: number): boolean =>
  readdirSync(`/proc/${pid}/fd`).some((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith(kvDir);
    } catch {
      return false;
    }
  });

test('a process that is killed leaves no file behind', { skip: !linux }, async () => {
  const { child, ended } = start(['run', model, ...question.slice(0, -1), '500', ...tight, ...onSsd]);
  const pid = child.pid ?? assert.fail();
  child.stdout?.once('data', () => child.kill('SIGKILL'));
  await until(() => isAlive(pid) && hasFile(pid));
  await ended;
  assert.deepEqual(readdirSync(kvDir), []);
});

const nameOf = (pid: number): string => `ssd-llm-kv.${ownerOf(pid)}-0f3c0f0e-8f43-4a4a-9b6a-0c6f3c0a1b2c.tmp`;

test('what a process that is gone has left is removed at the next start, which says so', async () => {
  const gone = spawnSync(process.execPath, ['-e', '']).pid;
  using own = tempFolder();
  for (const pid of [gone, process.pid]) writeFileSync(own.file(nameOf(pid)), 'x');
  const args = ['run', model, ...question, '-n', '1', ...tight, '--mmap-kv', '--kv-dir', own.path];
  const { code, stderr } = await run(args);
  assert.equal(code, 0, stderr);
  assert.match(stderr, new RegExp(`^.*${nameOf(gone)} was left by a process that is gone; removed$`, 'm'));
  assert.deepEqual(readdirSync(own.path), [nameOf(process.pid)]);
});

test('a server answers four at once from the SSD, where its settings say so', { skip: !linux }, async () => {
  const left = nameOf(spawnSync(process.execPath, ['-e', '']).pid);
  writeFileSync(join(kvDir, left), 'x');
  const args = [small, ...modest, '--parallel', '4', '--mmap-kv'];
  await using server = await serve(args, { env: { SSD_LLM_KV_HOME: 'ram', SSD_LLM_KV_DIR: kvDir } });
  const prompts = ['Why is the sky blue?', 'Count to ten.', 'Name a river.', 'Once upon a time'];
  const answers = prompts.map(async (prompt) => {
    const options = { num_predict: 12, temperature: 0 };
    const reply = await postTo(server, '/api/generate', { model: 'chat', prompt, stream: false, raw: true, options });
    return ((await reply.json()) as { response: string }).response;
  });
  await using teller = new Teller(small);
  for (const [i, text] of (await Promise.all(answers)).entries()) {
    assert.equal(text, await teller.text(prompts[i] ?? '', { maxTokens: 12 }));
  }
  assert.ok(server.engines().some(hasFile), 'the flag wins over the environment');
  assert.match(server.said(), new RegExp(`${left} was left by a process that is gone; removed`));
  for (const pid of server.engines()) process.kill(pid, 'SIGKILL');
  assert.deepEqual(readdirSync(kvDir), []);
});
