import assert from 'node:assert/strict';
import test from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { attemptCli } from './support/attempt-cli.ts';
import { greedy, openBatchModel, promptOf } from './support/batch-model.ts';
import { writeChatModel } from './support/chat-model.ts';
import { type RunAnswer, run, runJson } from './support/cli.ts';
import { writeNoiseModel } from './support/drafted-model.ts';
import { postTo, type Server, serve } from './support/server.ts';
import { sharedFolder } from './support/temp-folder.ts';

const folder = sharedFolder();
const path = folder.file('tiny.gguf');
const trained = 128;
writeNoiseModel(path, { context: trained });

const fixed = ['--raw', '--temperature', '0', '--threads', '1', '--kernels', 'plain', '--memory-budget', '300M'];

/** After which none of these answers comes to an end of its own. */
const prompt = 'Why?';

const answer = (...args: readonly string[]): Promise<RunAnswer> =>
  runJson(['run', path, '-p', prompt, ...fixed, ...args]);

test('an answer ends at the context without a window, and goes on beyond it with one', async () => {
  const whole = await answer('-n', '300');
  assert.deepEqual([whole.prompt_tokens + whole.tokens.length - 1, whole.stop_reason], [trained, 'length']);
  const windowed = await answer('-n', '300', '--sliding-window', '60');
  assert.deepEqual([windowed.tokens.length, windowed.stop_reason], [300, 'length']);
  // The text is the same until it leaves the window.
  const within = 60 - whole.prompt_tokens;
  assert.deepEqual(windowed.tokens.slice(0, within), whole.tokens.slice(0, within));
});

test('a prompt longer than the context is refused without a window', async () => {
  const long = Array.from({ length: 200 }, (_, i) => `${i % 100}`).join(' ');
  const asked = ['run', path, '-p', long, ...fixed, '-n', '3'];
  const refused = await attemptCli(...asked);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /the prompt has at least \d+ tokens but the context holds 128.*\[CONTEXT_TOO_LONG\]/);
  const { code, stderr } = await run([...asked, '--sliding-window', '100', '--sink-tokens', '2']);
  assert.equal(code, 0, stderr);
});

test('what makes no sense is refused: sinks without a window, a window that the model cannot see', async () => {
  for (const [args, message] of [
    [['--sink-tokens', '4'], /--sink-tokens 4 is not valid; expected --sliding-window beside it/],
    [
      ['--sliding-window', '125'],
      /--sliding-window 125 is not valid; expected no more, with 4 sinks, than the 128 tokens the model was trained for/,
    ],
    [['--sliding-window', '0'], /'--sliding-window <tokens>' argument '0' is invalid/],
    [['--sliding-window', '10', '--sink-tokens', '257'], /'--sink-tokens <n>' argument '257' is invalid/],
  ] as const) {
    for (const command of [
      ['run', path, '-p', 'x'],
      ['info', path],
    ]) {
      const { code, stderr } = await attemptCli(...command, ...args);
      assert.equal(code, 2, stderr);
      assert.match(stderr, message);
    }
  }
});

test('the plan says what is kept of a text', async () => {
  const info = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await run(['info', path, '-m', '300M', ...args]);
    assert.equal(code, 0, stderr);
    return stdout;
  };
  const windowed = ['--sliding-window', '100', '--sink-tokens', '2', '--kv-type', 'q8_0'];
  assert.match(await info(...windowed), /^ {2}KV +[\d.]+ KiB for the last 100 and the first 2 tokens as q8_0$/m);
  const { plan } = JSON.parse(await info(...windowed, '--json')) as { plan: { context: number; window: object } };
  assert.ok(plan.context >= 2 ** 16, `a text may have ${plan.context} tokens`);
  assert.deepEqual(plan.window, { tokens: 100, sinks: 2 });
});

test('a server told by its environment answers beyond the context, whatever context a request asks for', async () => {
  const args = [path, '--memory-budget', '300M', '--threads', '1', '--parallel', '2'];
  const ask = async (server: Server, words: number, options: object = {}): Promise<Response> =>
    postTo(server, '/api/generate', {
      model: 'tiny',
      prompt: Array.from({ length: words }, (_, i) => `${i % 100}`).join(' '),
      raw: true,
      stream: false,
      truncate: false,
      options: { temperature: 0, num_predict: 3, ...options },
    });
  {
    await using server = await serve(args);
    assert.equal((await ask(server, 20)).status, 200);
    assert.equal((await ask(server, 300)).status, 400);
  }
  const env = { SSD_LLM_SLIDING_WINDOW: '80', SSD_LLM_SINK_TOKENS: '3' };
  await using server = await serve(args, { env });
  assert.equal((await ask(server, 20, { num_ctx: 64 })).status, 200);
  const long = await ask(server, 300);
  assert.equal(long.status, 200, await long.clone().text());
  const { prompt_eval_count: counted, eval_count: answered } = (await long.json()) as Record<string, number>;
  assert.ok((counted ?? 0) > 300 && answered === 3, `${counted} and ${answered} tokens`);
  assert.equal((await ask(server, 300, { num_ctx: 64 })).status, 400);
  const alone = await run(['serve', ...args], { env: { SSD_LLM_SINK_TOKENS: '3', SSD_LLM_PORT: '0' } });
  assert.deepEqual([alone.code, /expected --sliding-window/.test(alone.stderr)], [2, true], alone.stderr);
});

test('a text of thousands of tokens takes no more memory than one of a thousand', async () => {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  /** Memory without V8's reserve for objects to come, which is not the text's. */
  const taken = (): number => {
    gc();
    const { rss, heapTotal, heapUsed } = process.memoryUsage();
    return rss - heapTotal + heapUsed;
  };
  const wide = folder.file('wide.gguf');
  // Keys and values of 24 KiB per token: a thousand more would take 24 MiB.
  writeChatModel(wide, { layers: 3, heads: 8, kvHeads: 8, keyLength: 256 });
  const kv = { window: { tokens: 100, sinks: 4 } };
  await using model = openBatchModel(wide, { context: undefined, parallel: 1, kv });
  // V8 has compiled most of its code after this.
  for await (const _ of model.generate(promptOf(1, 30), { ...greedy, maxTokens: 500 }));
  const generation = model.generate(promptOf(2, 30), { ...greedy, maxTokens: 2500 });
  const samples: number[] = [];
  for await (const _ of generation) if (generation.answerTokens >= 500 * (samples.length + 1)) samples.push(taken());
  assert.deepEqual([generation.answerTokens, samples.length], [2500, 5]);
  const more = Math.min(...samples.slice(-2)) - Math.max(...samples.slice(0, 2));
  assert.ok(more < 12 * 2 ** 20, `${more} bytes more`);
});
