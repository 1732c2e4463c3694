import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { writeRandomModel } from '../bench/random-model.ts';
import { writeBatchModel } from './support/batch-model.ts';
import { run } from './support/cli.ts';
import { serve } from './support/server.ts';
import { smollm2 } from './support/smollm2.ts';
import { tempFolder } from './support/temp-folder.ts';

const folder = tempFolder();
after(() => folder[Symbol.dispose]());
/** Trained for 64 tokens. */
const path = folder.file('small.gguf');
writeBatchModel(path, 64);
/** More tokens than that. */
const prompt = 'Many words, more than it knows. '.repeat(3);
const twice = ['--rope-scale', '2', '--ctx', '128'];

interface Answer {
  readonly tokens: readonly number[];
  readonly prompt_tokens: number;
}

async function answer(file: string, ...args: readonly string[]): Promise<Answer> {
  const machine = ['-m', '400M', '--threads', '1', '--kernels', 'plain'];
  const asked = ['-p', prompt, '--raw', '--temperature', '0', '-n', '12', '--json'];
  const { code, stdout, stderr } = await run(['run', file, ...machine, ...asked, ...args]);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as Answer;
}

test('a context of twice what a model was trained for is refused, with how to have it, and works stretched', async () => {
  const refused = await run(['run', path, '-p', prompt, '--ctx', '128']);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /128 tokens is more than the 64 .*--rope-scale.*\[CONTEXT_BEYOND_MODEL\]/);
  assert.match((await run(['run', path, '-p', prompt, ...twice, '--rope-scaling', 'none'])).stderr, /BEYOND_MODEL/);
  for (const args of [twice, ['--rope-scale', '2'], ['--rope-base', '200000', '--ctx', '128']]) {
    const { tokens, prompt_tokens } = await answer(path, ...args);
    assert.ok(prompt_tokens > 64 && tokens.length > 0, `${prompt_tokens} and ${tokens.length}`);
  }
});

test('each way to rotate gives an answer of its own', async () => {
  const model = await smollm2();
  const scale = ['--rope-scale', '8'];
  const answers: string[] = [];
  for (const args of [[], scale, [...scale, '--rope-scaling', 'yarn'], ['--rope-base', '100']]) {
    answers.push((await answer(model, '--ctx', '256', ...args)).tokens.join(' '));
  }
  assert.equal(new Set(answers).size, 4, answers.join('\n'));
});

test('rope is described where it is not plain', async () => {
  const described = async (file: string, ...args: readonly string[]): Promise<string | undefined> =>
    /^ {2}rope +(.*)$/m.exec((await run(['info', file, '-m', '400M', ...args])).stdout)?.[1];
  const model = (name: string, rope: object): string => {
    const shape = { layers: 1, width: 64, heads: 4, kvHeads: 2, feedForward: 96, vocabulary: 160 };
    const [written = ''] = writeRandomModel(folder.file(name), { architecture: 'llama', ...shape, rope });
    return written;
  };
  assert.equal(await described(path), undefined);
  assert.equal(await described(path, ...twice), 'base 10000, stretched 2 times (linear)');
  const other = ['--rope-scaling', 'yarn', '--rope-base', '1e6'];
  assert.equal(await described(path, ...twice, ...other), 'base 1000000, stretched 2 times (yarn)');
  const fixed = model('fixed.gguf', { base: 5e5, factors: 'fixed' });
  assert.equal(await described(fixed), 'base 500000, factors of its own');
  const long = model('long.gguf', { scaling: 'longrope', originalContext: 256, factors: 'long-short' });
  assert.equal(await described(long), 'base 10000, factors for short and long contexts');

  const { stdout } = await run(['info', path, '-m', '400M', ...twice, '--json']);
  const { context, rope } = JSON.parse(stdout) as { context: number; rope: object };
  assert.equal(context, 128);
  assert.deepEqual(rope, { base: 10000, factor: 2, scaling: 'linear', original_context: 64, factors: null });
});

test('numbers and kinds that cannot be are usage errors', async () => {
  for (const [flag, value] of [
    ['--rope-scale', '0.5'],
    ['--rope-scale', 'twice'],
    ['--rope-base', '1'],
    ['--rope-scaling', 'longrope'],
  ] as const) {
    const { code, stderr } = await run(['run', path, '-p', 'Hi', flag, value]);
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
