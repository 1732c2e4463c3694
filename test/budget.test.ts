import assert from 'node:assert/strict';
import { fsyncSync, openSync, readdirSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { inflate } from '../bench/inflate.ts';
import { memoryGroup } from '../bench/memory-group.ts';
import { formatBytes } from '../src/base/bytes.ts';
import { dropPageCache } from '../src/ggml/system.ts';
import { openModelFile } from '../src/gguf/model-file.ts';
import { architectureFile } from './support/architectures/architecture-file.ts';
import { run, runJson } from './support/cli.ts';
import { assertAsLibllama } from './support/oracle.ts';
import { cachedBytes } from './support/page-cache.ts';
import { smollm2 } from './support/smollm2.ts';
import { Teller } from './support/teller.ts';
import { tempFolder } from './support/temp-folder.ts';

const budget = 224 * 2 ** 20;
const encoderBudget = 136 * 2 ** 20;

/** SmolLM2 with zeros around it: the same function, and more than four times the budget. */
const wide = { width: 2304, feedForward: 6144, layers: 31 };

test('the budget is hard: a file several times larger answers right, in a cgroup that kills whoever takes more', async (t) => {
  using folder = tempFolder();
  const path = folder.file('wide.gguf');
  const source = await smollm2();
  inflate(source, path, wide);
  const { bytes } = openModelFile(path);
  assert.ok(bytes > 4 * budget, `${formatBytes(bytes)} of weights`);
  const fd = openSync(path, 'r');
  fsyncSync(fd);
  dropPageCache(fd, 0, 0);

  const text = 'Why is the sky blue?';
  const args = ['run', path, '--raw', '-p', text, '--ctx', '256', '--temperature', '0', '-n', '6'];
  const group = memoryGroup(budget);
  const limited = typeof group !== 'string';
  if (!limited) t.diagnostic(`no cgroup (${group}): the process's own peak is checked instead`);
  const options = limited ? { wrapper: group.wrapper } : {};
  const { tokens, stats } = await runJson([...args, '--memory-budget', `${budget}`], options);
  await using small = new Teller(source);
  assertAsLibllama(source, { prompt: small.model.tokenize(text), answer: tokens });
  t.diagnostic(`${formatBytes(bytes)} of weights; the process's peak was ${formatBytes(stats.memory.peak)}`);
  assert.ok(stats.memory.peak <= budget, `peak ${stats.memory.peak}`);
  if (limited) {
    t.diagnostic(`the cgroup's peak was ${formatBytes(group.peak())} of ${formatBytes(budget)}`);
    assert.ok(group.peak() <= budget);
    group[Symbol.dispose]();
  }
  if (stats.io.direct) {
    const left = cachedBytes(path);
    if (left === undefined) t.diagnostic('nothing here tells what is in the page cache');
    else assert.equal(left, 0, `${left} bytes of the model are left in the page cache`);
  }
});

test('it is hard for encoders too, whose passes take many texts at once', async (t) => {
  const group = memoryGroup(encoderBudget);
  if (typeof group === 'string') return t.skip(`no cgroup (${group})`);
  using folder = tempFolder();
  const sizes = { width: 512, feedForward: 2048, layers: 3, heads: 8, kvHeads: 8, context: 512 };
  const path = architectureFile(folder.file('bert.gguf'), 'bert', { vocabulary: true, pooling: 1, sizes });
  const { bytes } = openModelFile(path);
  const texts = folder.file('texts');
  writeFileSync(texts, Array.from({ length: 12 }, (_, i) => 'hello world '.repeat(i % 3 === 0 ? 2 : 100)).join('\n'));
  const args = ['embed', path, '-m', `${encoderBudget}`, '--file', texts, '--json'];
  const { code, stdout, stderr } = await run(args, { wrapper: group.wrapper });
  assert.deepEqual([code, stderr], [0, '']);
  assert.equal((JSON.parse(stdout) as { embeddings: unknown[] }).embeddings.length, 12);
  t.diagnostic(`${formatBytes(bytes)} of weights; the cgroup's peak was ${formatBytes(group.peak())}`);
  assert.ok(group.peak() <= encoderBudget && group.killed() === 0);
  group[Symbol.dispose]();
});

test('it is hard where nobody has measured the storage, too, which takes memory of its own', async () => {
  using cache = tempFolder();
  const little = 150 * 2 ** 20;
  const args = ['run', await smollm2(), '--raw', '-p', 'Hi', '--ctx', '64', '-n', '2', '-m', `${little}`];
  const { stats } = await runJson(args, { env: { SSD_LLM_CACHE: cache.path } });
  assert.ok(readdirSync(cache.path).includes('calibrations.json'), 'it was measured, and is kept');
  assert.ok(stats.memory.peak <= little, `peak ${stats.memory.peak}`);
});
