import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import test from 'node:test';
import { CpuDevice } from '../src/ggml/cpu-device.ts';
import { budgetBeside } from './support/budget.ts';
import { writeChatModel, writeLoopingModel } from './support/chat-model.ts';
import { type RunAnswer, run, runJson, start } from './support/cli.ts';
import { until, waitsFor } from './support/processes.ts';
import { shared } from './support/shared.ts';
import { asked, Teller } from './support/teller.ts';
import { sharedFolder } from './support/temp-folder.ts';

const folder = sharedFolder();
const model = writeChatModel(folder.file('chat.gguf'));
const looping = writeLoopingModel(folder.file('looping.gguf'));
const teller = shared(new Teller(model));

const question = 'Why is the sky blue?';
const greedy = ['-m', '300M', '--threads', '1', '--kernels', 'plain', '--temperature', '0'];
const fixed = [...greedy, '--ctx', '512'];
/** Answers far longer than any test waits for. */
const endless = [...greedy, '--sliding-window', '100'];
const linux = process.platform === 'linux';

const answer = (path: string, ...args: readonly string[]): Promise<RunAnswer> =>
  runJson(['run', path, '--prompt', question, ...fixed, ...args]);

test('stdout has the answer and nothing else', async () => {
  const { code, stdout, stderr } = await run(['run', model, '-p', question, ...fixed, '-n', '24']);
  assert.deepEqual([code, stderr], [0, '']);
  assert.equal(stdout, `${await teller.text(asked(question), { maxTokens: 24 })}\n`);
});

test('the peak of memory is that of the process itself, however large the one is that starts it', async () => {
  const large = Buffer.alloc(600 * 2 ** 20, 1);
  const { memory } = (await answer(model, '-n', '2')).stats;
  assert.ok(memory.peak <= memory.budget && memory.peak < large.length, `peak ${memory.peak}`);
});

test('the options of sampling make the answer that they make in the library', async () => {
  const flags = ['--temperature', '1.5', '--top-k', '60', '--top-p', '0.97', '--min-p', '0.001', '--seed', '7'];
  const sampling = { temperature: 1.5, topK: 60, topP: 0.97, minP: 0.001, seed: 7, repeatPenalty: 1.3 };
  const { text } = await answer(model, ...flags, '--repeat-penalty', '1.3', '-n', '24');
  assert.equal(text, await teller.text(asked(question), { ...sampling, maxTokens: 24 }));
});

test('every option of sampling changes the choice of tokens as it says', async () => {
  const ask = async (options: object): Promise<string> => teller.text(asked(question), { maxTokens: 16, ...options });
  const hot = { temperature: 3, topK: 0, topP: 1, minP: 0, seed: 5 };
  const [likeliest, drawn] = [await ask({}), await ask(hot)];
  assert.equal(await ask(hot), drawn, 'a seed repeats an answer');
  assert.notEqual(await ask({ ...hot, seed: 6 }), drawn, 'and another seed gives another one');
  assert.notEqual(drawn, likeliest);
  for (const only of [{ topK: 1 }, { topP: 0 }, { minP: 1 }]) assert.equal(await ask({ ...hot, ...only }), likeliest);
});

test('a penalty makes for more different tokens', async () => {
  await using loop = new Teller(looping);
  const kinds = async (repeatPenalty: number): Promise<number> =>
    new Set((await loop.answer(asked(question), { maxTokens: 40, repeatPenalty })).tokens).size;
  assert.ok((await kinds(1.8)) > (await kinds(1)));
});

test('a stop text ends the answer and is not printed, wherever its tokens begin', async () => {
  const whole = await teller.text(asked(question), { maxTokens: 40 });
  const stop = whole.slice(21, 27);
  const { text, stop_reason } = await answer(model, '-n', '40', '--stop', 'no such text', '--stop', stop);
  assert.deepEqual([text, stop_reason], [whole.slice(0, whole.indexOf(stop)), 'stop']);
});

test('instructions come before the prompt, a raw prompt goes without the template, and stdin is read', async () => {
  const options = { maxTokens: 12 };
  const told = await answer(model, '-n', '12', '--system', 'RunAnswer in French.');
  assert.deepEqual(told.tokens, (await teller.answer(asked(question, 'RunAnswer in French.'), options)).tokens);
  const raw = await answer(model, '-n', '12', '--raw');
  assert.deepEqual(raw.tokens, (await teller.answer(question, options)).tokens);
  const piped = await runJson(['run', model, ...fixed, '-n', '12'], { input: `${question}\n` });
  assert.deepEqual(piped.tokens, (await teller.answer(asked(question), options)).tokens);
});

test('--threads says how many threads compute', { skip: !linux }, async () => {
  const threads = async (n: string): Promise<number> => {
    const { child, ended } = start(['run', model, '-p', question, ...endless, '--threads', n]);
    const count = new Promise<number>((resolve) =>
      child.stdout?.once('data', () => resolve(readdirSync(`/proc/${child.pid}/task`).length)),
    );
    await count;
    child.kill('SIGINT');
    await ended;
    return count;
  };
  assert.equal((await threads('2')) - (await threads('1')), Math.min(2, availableParallelism()) - 1);
});

test('an answer of no tokens only reads the prompt, and one ends where the context does', async () => {
  const none = await answer(model, '-n', '0');
  assert.deepEqual([none.text, none.tokens, none.stop_reason], ['', [], 'length']);
  const { prompt_tokens, tokens, stop_reason } = await answer(model, '--ctx', '64');
  // The token after the last one that has a place in the context is still known.
  assert.deepEqual([tokens.length, stop_reason], [64 - prompt_tokens + 1, 'length']);
});

test('without a budget, one is chosen and named; --verbose says where the time went', async () => {
  const args = ['run', model, '-p', question, '--temperature', '0', '-t', '1', '-n', '4', '-v'];
  const { code, stderr } = await run(args);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^memory budget [\d.]+ [KMG]iB \(auto\); [\d.]+ KiB of weights, all resident$/m);
  assert.match(
    stderr,
    /^answer {3}[\d.]+ tokens\/s: 3 in [\d.]+ s, computing [\d.]+ s, waiting for weights [\d.]+ s$/m,
  );
  assert.match(stderr, /^memory {3}peak [\d.]+ MiB of [\d.]+ [MG]iB$/m);
  using device = new CpuDevice(1);
  const kernels = device.variant === undefined ? '' : ` (${device.variant})`;
  assert.ok(stderr.includes(`device   ${device.name}${kernels}, 1 thread\n`), stderr);
});

test('keys and values take half or a quarter of the memory, and the answer is the one that they give', async () => {
  const plain = await answer(model, '-n', '12');
  for (const [type, bytes] of [
    ['q8_0', 34],
    ['q4_0', 18],
  ] as const) {
    const { tokens, stats } = await answer(model, '-n', '12', '--kv-type', type);
    await using quantized = new Teller(model, { kv: { type } });
    assert.deepEqual(tokens, (await quantized.answer(asked(question), { maxTokens: 12 })).tokens, type);
    const { kv, peak, budget } = stats.memory;
    assert.equal(kv, (plain.stats.memory.kv * bytes) / 64, type);
    assert.ok(peak <= budget, `peak ${peak}`);
  }
});

test('drafts by what came before make for fewer passes and the same text: as many as are wanted, or as pay', async () => {
  const plain = await answer(looping, '-n', '60');
  assert.deepEqual(plain.stats.speculation, { drafted: 0, accepted: 0, passes: 59, tokens_per_pass: 1 });
  const drafted = async (...args: readonly string[]): Promise<RunAnswer['stats']> => {
    const { text, tokens, stats } = await answer(looping, '-n', '60', ...args);
    assert.deepEqual([text, tokens], [plain.text, plain.tokens]);
    const { drafted, accepted, passes, tokens_per_pass } = stats.speculation;
    assert.ok(accepted <= drafted);
    assert.equal(passes + accepted, 59);
    assert.ok(Math.abs(passes * tokens_per_pass - 59) < 1e-9);
    return stats;
  };
  const { speculation: eager } = await drafted('--draft-ngram', '--no-adaptive-draft', '--draft-ahead', '2');
  assert.ok(eager.accepted > 0 && eager.drafted <= 2 * eager.passes, `${eager.drafted} in ${eager.passes} passes`);
  // The number of draft tokens that pay depends on the time of passes.
  await drafted('--draft-ngram', '--no-adaptive-draft', '--adaptive-draft');
  // The best draft model for a model is itself.
  const drafting = ['--draft-model', looping, '--draft-ahead', '3', '--no-adaptive-draft'];
  const { speculation, memory } = await drafted(...drafting);
  assert.equal(speculation.accepted, speculation.drafted);
  assert.ok(speculation.drafted > 2 * speculation.passes && speculation.drafted <= 3 * speculation.passes);
  assert.ok(memory.draft > 0 && memory.peak <= memory.budget, `peak ${memory.peak}`);
});

test('Ctrl-C ends the answer with the text so far and exit code 130', async () => {
  const { child, ended } = start(['run', model, '-p', question, ...endless]);
  child.stdout?.once('data', () => child.kill('SIGINT'));
  const { code, stdout, stderr } = await ended;
  assert.deepEqual([code, stderr], [130, '']);
  assert.match(stdout, /^.+\n$/s);
});

test('a reader that goes away ends the answer quietly', async () => {
  const { child, ended } = start(['run', model, '-p', question, ...endless]);
  child.stdout?.once('data', () => child.stdout?.destroy());
  const { code, stderr } = await ended;
  assert.deepEqual([code, stderr], [0, '']);
});

test('an answer that cannot be written is a failure of one line', { skip: !existsSync('/dev/full') }, async () => {
  const args = ['run', model, '-p', question, ...fixed, '-n', '4'];
  const wrapper = ['sh', '-c', 'exec "$@" > /dev/full', 'sh'];
  const { code, stderr } = await run(args, { wrapper });
  assert.equal(code, 1);
  assert.match(stderr, /^error: the answer could not be written \(ENOSPC\)\n$/);
});

test('an answer comes though stderr takes nothing', { skip: !existsSync('/dev/full') }, async () => {
  const args = ['run', model, '-p', question, ...fixed, '-n', '4', '--verbose'];
  const { code, stdout } = await run(args, { wrapper: ['sh', '-c', 'exec "$@" 2> /dev/full', 'sh'] });
  assert.equal(code, 0);
  assert.notEqual(stdout, '');
});

test('Ctrl-C ends the wait for a prompt', { skip: !linux }, async () => {
  const { child, ended } = start(['run', model, ...fixed], { keepInput: true });
  await until(() => waitsFor(child.pid ?? 0, 0));
  child.kill('SIGINT');
  assert.equal((await ended).code, 130);
});

test('a long answer is a wish: it does not make a model too large for its budget', async () => {
  const long = folder.file('long.gguf');
  writeChatModel(long, { context: 2 ** 20 });
  await using told = new Teller(long, { context: undefined, ...budgetBeside(24 * 2 ** 20) });
  const { tokens } = await told.answer(asked(question), { maxTokens: 2 ** 20, stop: [' '] });
  assert.ok(tokens.length > 0);
});

test('the smallest context needs no more than its plan', async () => {
  const refused = await run(['run', model, '--raw', '-p', 'Hi', '-c', '16', '-t', '1', '-m', '20M']);
  const [, least = ''] = /needs at least (\d+) MiB/.exec(refused.stderr) ?? [];
  const { stop_reason } = await answer(model, '--raw', '--prompt', 'Hi', '-c', '16', '-m', `${Number(least) + 3}M`);
  assert.match(stop_reason, /length|stop/);
});
