import assert from 'node:assert/strict';
import test from 'node:test';
import { openModelFile } from '../src/gguf/model-file.ts';
import { collectAnswer, greedy } from './support/batch-model.ts';
import { run, runJson } from './support/cli.ts';
import { openTestModel } from './support/open-model.ts';
import { assertAsLibllama } from './support/oracle.ts';
import { smollm2 } from './support/smollm2.ts';
import { asked, Teller } from './support/teller.ts';

const model = await smollm2();
const MiB = 2 ** 20;
const { bytes: weights } = openModelFile(model);

test('the likeliest tokens are those of libllama, resident and streamed', async () => {
  await using streamed = openTestModel(model, 60 * MiB, { context: 512 });
  await using resident = new Teller(model);
  assert.ok(streamed.plan().bytesPerPass > 30e6 && resident.model.plan().bytesPerPass < 1e6);
  for (const prompt of ['Die Hauptstadt von Frankreich ist', 'def fibonacci(n):']) {
    const options = { maxTokens: 16, logprobs: 2, ignoreEnd: true };
    const { tokens: answer } = await resident.answer(prompt, options);
    assert.equal(answer.length, 16);
    assertAsLibllama(model, { prompt: resident.model.tokenize(prompt), answer });
    assert.deepEqual((await collectAnswer(streamed.generate(prompt, { ...greedy, ...options }))).tokens, answer);
  }
});

test('run answers a question as libllama would while half of the weights stream; stdout has nothing else', async () => {
  const machine = ['--memory-budget', '192M', '--ctx', '512', '--kernels', 'plain', '--threads', '1'];
  const question = 'Why is the sky blue?';
  const { code, stdout, stderr } = await run([
    'run',
    model,
    '-p',
    question,
    ...machine,
    '-n',
    '12',
    '--temperature',
    '0',
  ]);
  assert.deepEqual([code, stderr], [0, '']);
  await using resident = new Teller(model);
  const { tokens: answer, text } = await resident.answer(asked(question), { maxTokens: 12 });
  assert.equal(stdout, `${text}\n`);
  assertAsLibllama(model, { prompt: resident.model.tokenize(asked(question)), answer });
});

test('the JSON of an answer has what was promised, and its numbers add up', async () => {
  const tight = ['--memory-budget', '192M', '--ctx', '512', '--threads', '1'];
  const { tokens, prompt_tokens, stop_reason, stats } = await runJson([
    'run',
    model,
    '-p',
    'Why?',
    ...tight,
    '-n',
    '8',
  ]);
  assert.deepEqual([tokens.length, stop_reason], [8, 'length']);
  const { prefill, decode, memory, io } = stats;
  assert.ok(stats.load_ms === 0 && stats.ttft_ms > 0, 'a short prompt loads on its way');
  assert.equal(prefill.tokens, prompt_tokens);
  assert.ok(prefill.seconds > 0 && Math.abs(prefill.seconds * 1000 - stats.ttft_ms) < 1);
  assert.equal(decode.tokens, 7);
  assert.ok(Math.abs(decode.tokens_per_s - decode.tokens / decode.seconds) < 1e-6);
  assert.ok(decode.compute_s > 0 && decode.stall_s >= 0 && decode.compute_s + decode.stall_s <= decode.seconds);
  assert.equal(memory.budget, 192 * MiB);
  assert.ok(memory.resident + memory.ring + memory.kv + memory.compute + memory.runtime <= memory.budget);
  assert.ok(memory.peak > memory.resident + memory.ring && memory.peak <= memory.budget, `peak ${memory.peak}`);
  // Beside what is not resident it reads page borders, and ahead of the next pass.
  const share = decode.bytes_per_token / (weights - memory.resident);
  assert.ok(share > 0.9 && share < 1.5, `${decode.bytes_per_token} per token, ${memory.resident} resident`);
  assert.ok(io.bytes_read >= prefill.bytes_read + decode.bytes_per_token * decode.tokens);
  assert.equal(typeof io.direct, 'boolean');
});
