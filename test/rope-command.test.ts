import assert from 'node:assert/strict';
import test from 'node:test';
import type { RopeOptions } from '../src/arch/rope.ts';
import { describe, type RopeDescription } from '../src/cli/print/describe.ts';
import { openOutline } from '../src/runtime/model-outline.ts';
import { attemptCli } from './support/attempt-cli.ts';
import { writeBatchModel } from './support/batch-model.ts';
import { writeChatModel } from './support/chat-model.ts';
import { type RunAnswer, run, runJson } from './support/cli.ts';
import { writeRandom } from './support/model-files.ts';
import { serve } from './support/server.ts';
import { Teller } from './support/teller.ts';
import { sharedFolder } from './support/temp-folder.ts';

const folder = sharedFolder();
/** Trained for 64 tokens. */
const path = writeBatchModel(folder.file('small.gguf'), 64);
/** More tokens than that. */
const prompt = 'Many words, more than it knows. '.repeat(3);
const twice = ['--rope-scale', '2', '--ctx', '128'];

function answer(file: string, ...args: readonly string[]): Promise<RunAnswer> {
  const machine = ['-m', '400M', '--threads', '1', '--kernels', 'plain'];
  const asked = ['-p', prompt, '--raw', '--temperature', '0', '-n', '12'];
  return runJson(['run', file, ...machine, ...asked, ...args]);
}

test('a context of twice what a model was trained for is refused, with how to have it, and works stretched', async () => {
  const refused = await attemptCli('run', path, '-p', prompt, '--ctx', '128');
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /128 tokens is more than the 64 .*--rope-scale.*\[CONTEXT_BEYOND_MODEL\]/);
  const unscaled = await attemptCli('run', path, '-p', prompt, '--ctx', '128', '--rope-scaling', 'none');
  assert.match(unscaled.stderr, /BEYOND_MODEL/);
  for (const args of [
    ['--rope-scale', '2'],
    ['--rope-base', '200000', '--ctx', '128'],
  ]) {
    const { tokens, prompt_tokens } = await answer(path, ...args);
    assert.ok(prompt_tokens > 64 && tokens.length > 0, `${prompt_tokens} and ${tokens.length}`);
  }
});

test('each way to rotate gives an answer of its own', async () => {
  const chat = folder.file('chat.gguf');
  writeChatModel(chat);
  const told = async (rope?: RopeOptions): Promise<string> => {
    await using teller = new Teller(chat, { rope, context: 256 });
    return (await teller.answer(prompt, { maxTokens: 24 })).tokens.join(' ');
  };
  const all = { scale: 8, scaling: 'yarn', base: 100 } as const;
  const ways = [undefined, { scale: 8 }, { scale: 8, scaling: 'yarn' }, { base: 100 }, all] as const;
  const answers: string[] = [];
  for (const rope of ways) answers.push(await told(rope));
  assert.equal(new Set(answers).size, ways.length, answers.join('\n'));
  const flags = ['--rope-scale', '8', '--rope-scaling', 'yarn', '--rope-base', '100'];
  assert.equal((await answer(chat, '--ctx', '256', '-n', '24', ...flags)).tokens.join(' '), answers.at(-1));
});

test('info says how a model rotates, to people where it is not plain, and to programs', async () => {
  const described = (file: string, rope?: RopeOptions): RopeDescription =>
    describe(openOutline(file, { rope }), 'm').rope;
  const model = (name: string, rope: object): string => {
    const shape = { layers: 1, width: 64, heads: 4, kvHeads: 2, feedForward: 96, vocabulary: 160 };
    const written = writeRandom(folder.file(name), { architecture: 'llama', ...shape, rope });
    return written;
  };
  const plain = { base: 10000, factor: 1, scaling: 'none', original_context: 64, factors: null };
  assert.deepEqual(described(path), plain);
  assert.deepEqual(described(path, { scale: 2 }), { ...plain, factor: 2, scaling: 'linear' });
  assert.deepEqual(described(path, { scale: 2, scaling: 'yarn', base: 1e6 }), {
    ...plain,
    base: 1e6,
    factor: 2,
    scaling: 'yarn',
  });
  const fixed = model('fixed.gguf', { base: 5e5, factors: 'fixed' });
  assert.deepEqual([described(fixed).base, described(fixed).factors], [5e5, 'fixed']);
  const long = model('long.gguf', { scaling: 'longrope', originalContext: 256, factors: 'long-short' });
  assert.equal(described(long).factors, 'by_context');

  const info = async (...args: readonly string[]): Promise<string> =>
    (await run(['info', path, '-m', '400M', ...args])).stdout;
  assert.doesNotMatch(await info(), /^ {2}rope/m);
  assert.match(await info(...twice), /^ {2}rope +base 10000, stretched 2 times \(linear\)$/m);
  const { context, rope } = JSON.parse(await info(...twice, '--json')) as { context: number; rope: object };
  assert.deepEqual([context, rope], [128, { ...plain, factor: 2, scaling: 'linear' }]);
});

test('numbers and kinds that cannot be are usage errors', async () => {
  for (const [flag, value] of [
    ['--rope-scale', '0.5'],
    ['--rope-scale', 'twice'],
    ['--rope-base', '1'],
    ['--rope-scaling', 'longrope'],
  ] as const) {
    const { code, stderr } = await attemptCli('run', path, '-p', 'Hi', flag, value);
    assert.equal(code, 2, `${flag} ${value}`);
    assert.match(stderr, new RegExp(flag));
  }
});

test('a server stretches the models that it serves, as its settings say', async () => {
  const args = [path, '-m', '500M', '--parallel', '1', '--threads', '1', '--kernels', 'plain'];
  const asked = {
    model: 'small',
    prompt,
    raw: true,
    stream: false,
    options: { num_ctx: 120, num_predict: 8, temperature: 0 },
  };
  await using server = await serve(args, { env: { SSD_LLM_ROPE_SCALE: '2' } });
  const reply = await fetch(`${server.url}/api/generate`, { method: 'POST', body: JSON.stringify(asked) });
  const body = (await reply.json()) as { prompt_eval_count: number };
  assert.equal(reply.status, 200, JSON.stringify(body));
  assert.ok(body.prompt_eval_count > 64, `${body.prompt_eval_count}`);
});
