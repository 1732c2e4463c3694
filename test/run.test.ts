import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import test from 'node:test';
import { writeRandomModel } from '../bench/random-model.ts';
import { Model } from '../src/engine/model.ts';
import { runtimeBytes } from '../src/engine/process.ts';
import { Vocabulary } from '../src/text/vocabulary.ts';
import { run, start } from './support/cli.ts';
import { greedy } from './support/oracle.ts';
import { smollm2 } from './support/smollm2.ts';
import { tempFolder } from './support/temp-folder.ts';

const model = await smollm2();
const question = 'Why is the sky blue?';
/** Too little for the weights: about half of them stream. */
const tight = ['--memory-budget', '192M', '--ctx', '512'];
const fixed = ['--temperature', '0', '--threads', '1'];

interface Answer {
  readonly text: string;
  readonly tokens: readonly number[];
  readonly prompt_tokens: number;
  readonly stop_reason: string;
  readonly stats: {
    readonly load_ms: number;
    readonly ttft_ms: number;
    readonly speculation: Readonly<Record<'drafted' | 'accepted' | 'passes' | 'tokens_per_pass', number>>;
    readonly prefill: { readonly tokens: number; readonly seconds: number; readonly bytes_read: number };
    readonly decode: Readonly<
      Record<'tokens' | 'seconds' | 'tokens_per_s' | 'bytes_per_token' | 'stall_s' | 'compute_s', number>
    >;
    readonly memory: Readonly<
      Record<'budget' | 'peak' | 'resident' | 'ring' | 'kv' | 'compute' | 'draft' | 'runtime', number>
    >;
    readonly io: { readonly direct: boolean; readonly bytes_read: number };
  };
}

async function answer(...args: readonly string[]): Promise<Answer> {
  const { code, stdout, stderr } = await run(['run', model, '--prompt', question, ...fixed, ...args, '--json']);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as Answer;
}

test('a model that does not fit its budget answers in fluent text, and stdout has nothing else', async () => {
  const { code, stdout, stderr } = await run(['run', model, '-p', question, ...tight, ...fixed, '-n', '24']);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^The answer to this question lies in the intricate dance of light and color\..*\n$/);
  assert.equal(stderr, '');
});

test('the JSON of an answer has what was promised, and its numbers add up', async () => {
  const { text, tokens, prompt_tokens, stop_reason, stats } = await answer(...tight, '-n', '8');
  assert.equal(tokens.length, 8);
  assert.match(text, /^The answer/);
  assert.equal(stop_reason, 'length');
  const { prefill, decode, memory, io } = stats;
  assert.ok(stats.load_ms === 0 && stats.ttft_ms > 0, 'a short prompt loads on its way');
  assert.equal(prefill.tokens, prompt_tokens);
  assert.ok(prefill.seconds > 0 && Math.abs(prefill.seconds * 1000 - stats.ttft_ms) < 1);
  assert.equal(decode.tokens, 7);
  assert.ok(Math.abs(decode.tokens_per_s - decode.tokens / decode.seconds) < 1e-6);
  assert.ok(decode.compute_s > 0 && decode.stall_s >= 0 && decode.compute_s + decode.stall_s <= decode.seconds);
  assert.equal(memory.budget, 192 * 2 ** 20);
  assert.ok(memory.resident + memory.ring + memory.kv + memory.compute + memory.runtime <= memory.budget);
  assert.ok(memory.peak > memory.resident + memory.ring && memory.peak <= memory.budget, `peak ${memory.peak}`);
  // What is neither resident nor embedding streams: some 50 MB, page borders and read-ahead included.
  assert.ok(decode.bytes_per_token > 30e6 && decode.bytes_per_token < 70e6, `${decode.bytes_per_token} per token`);
  assert.ok(io.bytes_read >= prefill.bytes_read + decode.bytes_per_token * decode.tokens);
  assert.equal(typeof io.direct, 'boolean');
});

test('64 greedy tokens after five prompts are those of libllama, and streamed after two of them', async () => {
  const prompts = [
    'The sky is blue because',
    'Once upon a time there was a lighthouse',
    'def fibonacci(n):',
    'Die Hauptstadt von Frankreich ist',
    '1, 2, 3, 4, 5,',
  ];
  using vocabulary = Vocabulary.open(model);
  const options = { context: 512, kernels: 'plain', threads: 1 } as const;
  await using streamed = Model.open(model, { ...options, memoryBudget: runtimeBytes() + 60 * 2 ** 20 });
  await using resident = Model.open(model, { ...options, memoryBudget: runtimeBytes() + 2 ** 29 });
  assert.ok(streamed.plan().bytesPerPass > 30e6 && resident.plan().bytesPerPass < 1e6);
  for (const [i, prompt] of prompts.entries()) {
    const expected = greedy(model, vocabulary.tokenize(prompt, { addSpecial: true, parseSpecial: true }), 64);
    const end = expected.findIndex((token) => vocabulary.isEndOfGeneration(token));
    for (const one of i < 2 ? [resident, streamed] : [resident]) {
      const generation = one.generate(prompt, { temperature: 0, maxTokens: 64 });
      for await (const _ of generation);
      assert.deepEqual(generation.tokens, end < 0 ? expected : expected.slice(0, end), prompt);
    }
  }
});

test('the peak of memory is that of the process itself, however large the one is that starts it', async () => {
  const large = Buffer.alloc(600 * 2 ** 20, 1);
  const { memory } = (await answer(...tight, '-n', '2')).stats;
  assert.ok(memory.peak <= memory.budget && memory.peak < large.length, `peak ${memory.peak}`);
});

test('a seed repeats an answer, and another seed gives another one', async () => {
  const hot = ['--temperature', '1.5', '--top-k', '0'];
  const sample = async (seed: string): Promise<string> =>
    (await run(['run', model, '-p', question, ...tight, '-t', '1', '-n', '16', ...hot, '--seed', seed])).stdout;
  const [first, again, other] = [await sample('7'), await sample('7'), await sample('8')];
  assert.equal(first, again);
  assert.notEqual(first, other);
});

test('every option of sampling changes the choice of tokens as it says', async () => {
  const hot = ['--temperature', '3', '--top-k', '0', '--top-p', '1', '--seed', '5', '-n', '8'];
  const greedyText = (await answer('-n', '8', ...tight)).text;
  const hotText = (await answer(...tight, ...hot)).text;
  assert.notEqual(hotText, greedyText);
  for (const only of [
    ['--top-k', '1'],
    ['--top-p', '0'],
    ['--min-p', '1'],
  ]) {
    assert.equal((await answer(...tight, ...hot, ...only)).text, greedyText, only.join(' '));
  }
  const repetitive = ['--raw', '-n', '24', ...tight];
  const repeats = new Set((await answer('--prompt', 'one two one two one two', ...repetitive)).tokens).size;
  const varied = (await answer('--prompt', 'one two one two one two', ...repetitive, '--repeat-penalty', '1.8')).tokens;
  assert.ok(new Set(varied).size > repeats, 'a penalty makes for more different tokens');
});

test('a stop text ends the answer and is not printed, wherever its tokens begin', async () => {
  const { text, stop_reason } = await answer(...tight, '-n', '40', '--stop', 'no such text', '--stop', 'tricate dan');
  assert.equal(text, 'The answer to this question lies in the in');
  assert.equal(stop_reason, 'stop');
});

test('instructions come before the prompt, a raw prompt goes without the template, and stdin is read', async () => {
  const plain = await answer(...tight, '-n', '6');
  const system = await answer(...tight, '-n', '6', '--system', 'Answer in French.');
  assert.notEqual(system.prompt_tokens, plain.prompt_tokens);
  const raw = await answer(...tight, '-n', '6', '--raw');
  assert.equal(raw.prompt_tokens, 6);
  const piped = await run(['run', model, ...tight, ...fixed, '-n', '6', '--json'], { input: `${question}\n` });
  assert.deepEqual((JSON.parse(piped.stdout) as Answer).tokens, plain.tokens);
});

test('--threads says how many threads compute', { skip: process.platform !== 'linux' }, async () => {
  const threads = async (n: string): Promise<number> => {
    const { child, ended } = start(['run', model, '-p', question, ...tight, '-n', '4', '--threads', n]);
    const count = new Promise<number>((resolve) =>
      child.stdout?.once('data', () => resolve(readdirSync(`/proc/${child.pid}/task`).length)),
    );
    await ended;
    return count;
  };
  assert.equal((await threads('2')) - (await threads('1')), Math.min(2, availableParallelism()) - 1);
});

test('an answer of no tokens only reads the prompt', async () => {
  const { text, tokens, stop_reason } = await answer(...tight, '-n', '0');
  assert.deepEqual([text, tokens, stop_reason], ['', [], 'length']);
});

test('the answer ends where the context does', async () => {
  const { prompt_tokens, tokens, stop_reason } = await answer('-m', '192M', '--ctx', '48');
  // The token after the last one that has a place in the context is still known.
  assert.equal(tokens.length, 48 - prompt_tokens + 1);
  assert.equal(stop_reason, 'length');
});

test('without a budget, one is chosen and named', async () => {
  const { code, stderr } = await run(['run', model, '-p', question, ...fixed, '-n', '2']);
  assert.equal(code, 0);
  assert.match(stderr, /^memory budget [\d.]+ [KMG]iB \(auto\); 92\.1 MiB of weights, all resident\n$/);
});

test('--verbose says where the time went', async () => {
  const { stderr } = await run(['run', model, '-p', question, ...tight, ...fixed, '-n', '4', '-v']);
  assert.match(stderr, /memory budget 192 MiB; .* streamed for each token/);
  assert.match(stderr, /answer {3}[\d.]+ tokens\/s: 3 in [\d.]+ s, computing [\d.]+ s, waiting for weights [\d.]+ s/);
  assert.match(stderr, /memory {3}peak [\d.]+ MiB of 192 MiB/);
});

test('keys and values take half or a quarter of the memory, and the answer is still one', async () => {
  const plain = await answer(...tight, '-n', '12');
  for (const [type, bytes] of [
    ['q8_0', 34],
    ['q4_0', 18],
  ] as const) {
    const { text, stats } = await answer(...tight, '-n', '12', '--kv-type', type);
    assert.match(text, /^The (\w+,? ){4}/, type);
    const { kv, peak, budget } = stats.memory;
    assert.equal(kv, (plain.stats.memory.kv * bytes) / 64, type);
    assert.ok(peak <= budget, `peak ${peak}`);
  }
});

test('a model whose heads are no whole blocks keeps its keys and values as f16', async () => {
  using folder = tempFolder();
  const shape = { layers: 2, width: 160, heads: 4, kvHeads: 2, feedForward: 96, vocabulary: 160 };
  const [odd = ''] = writeRandomModel(folder.file('odd.gguf'), { architecture: 'llama', ...shape });
  for (const type of ['q8_0', 'q4_0']) {
    const { code, stdout, stderr } = await run(['info', odd, '-c', '512', '--kv-type', type]);
    assert.equal(code, 1, stderr);
    assert.match(stdout, new RegExp(`cannot be stored as ${type}: .* 40 elements.* use --kv-type f16\n$`));
  }
  const { code, stderr } = await run(['info', odd, '-c', '512']);
  assert.equal(code, 0, stderr);
});

test('guesses by what came before make for fewer passes and the same text: as many as are wanted, or as pay', async () => {
  const list = 'apples, pears, plums, cherries, peaches, melons, lemons, oranges';
  const repetitive = ['--raw', '--prompt', `${list}, ${list}, ${list}`, '--kernels', 'plain', '-n', '24', ...tight];
  const plain = await answer(...repetitive);
  assert.deepEqual(plain.stats.speculation, { drafted: 0, accepted: 0, passes: 23, tokens_per_pass: 1 });
  const guessed = async (...args: readonly string[]): Promise<Answer['stats']['speculation']> => {
    const { text, tokens, stats } = await answer(...repetitive, '--draft-ngram', ...args);
    assert.deepEqual([text, tokens], [plain.text, plain.tokens]);
    const { drafted, accepted, passes, tokens_per_pass } = stats.speculation;
    assert.ok(accepted > 0 && accepted <= drafted);
    assert.deepEqual([passes + accepted, passes * tokens_per_pass], [23, 23]);
    return stats.speculation;
  };
  const eager = await guessed('--no-adaptive-draft');
  assert.ok(eager.drafted > 2 * eager.passes, `${eager.drafted} in ${eager.passes} passes`);
  const near = await guessed('--no-adaptive-draft', '--draft-ahead', '2');
  assert.ok(near.drafted <= 2 * near.passes && near.passes > eager.passes, `${near.drafted} in ${near.passes} passes`);
  // It has to find out first what passes take.
  const careful = await guessed('--no-adaptive-draft', '--adaptive-draft');
  assert.ok(careful.passes > eager.passes, `${careful.passes} passes`);
});

test('a draft model guesses too; one with other tokens is refused', async () => {
  const roomy = ['-m', '400M', '--ctx', '512', '--kernels', 'plain', '-n', '16'];
  const plain = await answer(...roomy);
  // Of all models it guesses best itself.
  const drafting = ['--draft-model', model, '--draft-ahead', '3', '--no-adaptive-draft'];
  const { text, tokens, stats } = await answer(...roomy, ...drafting);
  assert.deepEqual([text, tokens], [plain.text, plain.tokens]);
  const { drafted, accepted, passes } = stats.speculation;
  assert.ok(drafted > passes && drafted <= 3 * passes && accepted > drafted / 2, `${accepted} of ${drafted}`);
  assert.ok(stats.memory.draft > 90 * 2 ** 20 && stats.memory.peak <= stats.memory.budget, `peak ${stats.memory.peak}`);

  using folder = tempFolder();
  const shape = { layers: 2, width: 64, heads: 4, kvHeads: 2, feedForward: 96, vocabulary: 160 };
  const [other = ''] = writeRandomModel(folder.file('other.gguf'), { architecture: 'llama', ...shape });
  const { code, stdout, stderr } = await run(['run', model, '-p', question, ...tight, '--draft-model', other]);
  assert.deepEqual([code, stdout], [2, '']);
  assert.match(stderr, /other\.gguf cannot draft for .*\[VOCABULARY_DIFFERS\]\n$/);
});

test('Ctrl-C ends the answer with the text so far and exit code 130', async () => {
  const { child, ended } = start(['run', model, '-p', question, ...tight, ...fixed]);
  child.stdout?.once('data', () => child.kill('SIGINT'));
  const { code, stdout, stderr } = await ended;
  assert.equal(code, 130, stderr);
  assert.match(stdout, /^The.*\n$/s);
  assert.equal(stderr, '');
});

test('a reader that goes away ends the answer quietly', async () => {
  const { child, ended } = start(['run', model, '-p', question, ...tight, ...fixed, '-n', '200']);
  child.stdout?.once('data', () => child.stdout?.destroy());
  const { code, stderr } = await ended;
  assert.deepEqual([code, stderr], [0, '']);
});

test('an answer that cannot be written is a failure of one line', { skip: !existsSync('/dev/full') }, async () => {
  const args = ['run', model, '-p', question, ...tight, ...fixed, '-n', '4'];
  const wrapper = ['sh', '-c', 'exec "$@" > /dev/full', 'sh'];
  const { code, stderr } = await run(args, { wrapper });
  assert.equal(code, 1);
  assert.match(stderr, /^error: the answer could not be written \(ENOSPC\)\n$/);
});

test('Ctrl-C ends the wait for a prompt', async () => {
  const { child, ended } = start(['run', model, ...tight, ...fixed], { keepInput: true });
  setTimeout(() => child.kill('SIGINT'), 1500);
  assert.equal((await ended).code, 130);
});

test('a long answer is a wish: it does not make a model too large for its budget', async () => {
  const { tokens } = await answer('-m', '176M', '-n', '8000', '--stop', 'lies');
  assert.ok(tokens.length > 3);
});

test('the smallest context needs no more than its plan', async () => {
  const refused = await run(['run', model, '--raw', '-p', 'Hi', '-c', '16', '-t', '1', '-m', '20M']);
  const [, least = ''] = /needs at least (\d+) MiB/.exec(refused.stderr) ?? [];
  const { stop_reason } = await answer('--raw', '--prompt', 'Hi', '-c', '16', '-m', `${Number(least) + 3}M`);
  assert.match(stop_reason, /length|stop/);
});
