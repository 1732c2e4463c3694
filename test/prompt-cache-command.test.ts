import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { attemptCli } from './support/attempt-cli.ts';
import {
  ask,
  assertAnswer,
  type BatchOptions,
  openBatchModel,
  promptOf,
  writeBatchModel,
} from './support/batch-model.ts';
import { writeChatModel } from './support/chat-model.ts';
import { type Ended, type RunAnswer, run } from './support/cli.ts';
import { sharedFolder } from './support/temp-folder.ts';

const folder = sharedFolder();
const model = writeChatModel(folder.file('chat.gguf'));

const start = (cache: string, args: readonly string[]): Promise<Ended> =>
  run(['run', model, '-m', '300M', '-t', '1', '-n', '8', '--temperature', '0', ...args], {
    env: { SSD_LLM_CACHE: cache },
  });

async function answer(cache: string, ...args: readonly string[]): Promise<RunAnswer> {
  const { code, stdout, stderr } = await start(cache, [...args, '--json']);
  assert.deepEqual([code, stderr], [0, '']);
  return JSON.parse(stdout) as RunAnswer;
}

const letter = 'The river was high that spring, and the ferry could not cross. '.repeat(5);

test('a prompt that begins like one of an earlier run computes only the rest, and has the same answer', async () => {
  const plain = ['--kernels', 'plain'];
  const ask = (end: string): readonly string[] => ['-p', `${letter}${end}`, ...plain];
  const cache = folder.file('cache');
  const alone = await answer(cache, ...ask('Why?'));
  assert.deepEqual(readdirSync(cache), ['measured-models.json'], 'no prompt is kept unless it is wanted');
  const [first, second] = [
    await answer(cache, '--prompt-cache', ...ask('Who?')),
    await answer(cache, ...ask('Why?'), '--prompt-cache'),
  ];
  assert.equal(first.stats.prefill.cached, 0);
  const { cached, tokens } = second.stats.prefill;
  assert.ok(cached >= 64 && cached % 64 === 0 && cached + tokens === second.prompt_tokens, `${cached} of ${tokens}`);
  assert.equal(second.text, alone.text);

  const { stdout, stderr } = await start(cache, [...ask('Why?'), '--prompt-cache', '--verbose']);
  assert.equal(stdout, `${second.text}\n`);
  assert.match(
    stderr,
    new RegExp(`^cache {4}${cached} of ${second.prompt_tokens} tokens of the prompt were there$`, 'm'),
  );
});

test('no more is kept than the size says, the oldest goes first; 0 keeps nothing', async () => {
  const cache = folder.file('bounded');
  const prompts = folder.file('bounded/prompts');
  const ask = (prompt: string, size: string): Promise<RunAnswer> =>
    answer(cache, '-p', prompt + letter, `--prompt-cache=${size}`);
  await ask('One. ', '0');
  assert.throws(() => readdirSync(prompts), /ENOENT/);
  await ask('One. ', '8G');
  const one = statSync(`${prompts}/${readdirSync(prompts)[0]}`).size;
  assert.equal((await ask('Two. ', `${Math.floor((1.5 * one) / 1024)}K`)).stats.prefill.cached, 0);
  const [kept = '', ...others] = readdirSync(prompts);
  assert.ok(statSync(`${prompts}/${kept}`).size < 1.5 * one && others.length === 0);
  assert.ok((await ask('Two. ', '8G')).stats.prefill.cached > 64);

  const { code, stderr } = await start(cache, ['-p', letter, '--prompt-cache', '1K']);
  assert.equal(code, 0);
  assert.match(stderr, /tokens take \S+ KiB, more than the 1 KiB of the prompt cache/);
});

test('runs at once share the cache', async () => {
  const cache = folder.file('shared');
  const prompts = ['One. ', 'Two. '].map((start) => start + letter);
  await Promise.all(prompts.map((prompt) => answer(cache, '-p', prompt, '--prompt-cache')));
  for (const prompt of prompts) {
    const { stats } = await answer(cache, '-p', prompt, '--prompt-cache');
    assert.equal(stats.prefill.tokens, 1);
  }
});

test('a folder that cannot be used is found out before anything is computed', async () => {
  writeFileSync(folder.file('file'), '');
  for (const dir of ['file', 'file/below']) {
    const refused = await attemptCli('run', model, '-m', '300M', '-p', 'Hi', '--prompt-cache-dir', folder.file(dir));
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /file(\/below)? cannot be written \(ENOTDIR\).*\[UNWRITABLE\]/);
  }
});

test('a size that is none is a wrong option', async () => {
  for (const size of ['8X', '-1', '1.5']) {
    const { code, stderr } = await attemptCli('run', model, '-p', 'Hi', `--prompt-cache=${size}`);
    assert.equal(code, 2, stderr);
  }
});

test('whatever keys and values are and wherever they live, the next process finds them', async () => {
  const path = folder.file('batch.gguf');
  writeBatchModel(path);
  mkdirSync(folder.file('kv'));
  const kinds: Readonly<Record<string, BatchOptions>> = {
    quantized: { kv: { type: 'q8_0', home: 'ram' } },
    ssd: { kv: { home: 'ssd', folder: folder.file('kv') } },
    windows: { kv: { window: { tokens: 64, sinks: 4 }, home: 'ram' }, context: 600 },
    drafts: { draft: { ngram: true } },
    streamed: { streamed: true },
  };
  const prompt = promptOf(3, 150);
  for (const [name, options] of Object.entries(kinds)) {
    const promptCache = { bytes: 0, folder: folder.file(name), folderBytes: 2 ** 26, warn: assert.fail };
    const found: number[] = [];
    const answers = [];
    for (const cache of [undefined, promptCache, promptCache]) {
      await using opened = openBatchModel(path, { parallel: 1, ...options, promptCache: cache });
      const answered = await ask(opened, prompt, { maxTokens: 12 });
      answers.push(answered);
      found.push(answered.cached);
    }
    const [alone = assert.fail(), ...others] = answers;
    for (const { tokens } of others) assertAnswer(tokens, alone);
    assert.deepEqual(found, [0, 0, 128], name);
  }
});
