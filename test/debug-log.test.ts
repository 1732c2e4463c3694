import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type RunAnswer, run } from './support/cli.ts';
import { writeBytePair } from './support/model-files.ts';
import { postTo, serve } from './support/server.ts';
import { sharedFolder } from './support/temp-folder.ts';

/** A line of the log. */
interface Entry {
  readonly msg: string;
  readonly [fact: string]: unknown;
}

const entriesOf = (stderr: string): readonly Entry[] =>
  stderr
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Entry);

const of = (entries: readonly Entry[], msg: string): readonly Entry[] => entries.filter((entry) => entry.msg === msg);

const folder = sharedFolder();
const shape = { layers: 2, width: 64, heads: 2, kvHeads: 1, feedForward: 64, vocabulary: 400, context: 256 };
const model = writeBytePair(folder.file('tiny.gguf'), shape, { type: 'q8_0' });

const debug = { SSD_LLM_LOG_LEVEL: 'debug' };
const little = ['--memory-budget', '256M', '--threads', '1', '--ctx', '128'];
const asking = ['--raw', '--prompt', 'abc abc abc', '--temperature', '0', '--max-tokens', '5'];

test('a run tells at level debug what is opened, planned and computed, and the figures are those of its answer', async () => {
  const { code, stdout, stderr } = await run(['run', model, ...little, ...asking, '--draft-ngram', '--json'], {
    env: debug,
  });
  assert.equal(code, 0, stderr);
  const entries = entriesOf(stderr);
  const names = entries.map(({ msg }) => msg);
  const begin = ['header read', 'device', 'planned', 'files opened', 'sequence begun', 'pass'];
  assert.deepEqual([...new Set(names)].slice(0, begin.length), begin);
  assert.equal(names.at(-1), 'sequence ended');
  const { stats, prompt_tokens } = JSON.parse(stdout) as RunAnswer;
  const passes = of(entries, 'pass');
  const spans = passes.flatMap(({ spans }) => spans as { start: number; tokens: number }[]);
  assert.equal(spans[0]?.tokens, prompt_tokens);
  assert.equal(
    passes.reduce((sum, { bytes_read }) => sum + (bytes_read as number), 0),
    stats.io.bytes_read,
  );
  const drafts = of(entries, 'drafted').flatMap(({ tokens }) => tokens as number[]);
  assert.equal(
    drafts.reduce((sum, n) => sum + n, 0),
    stats.speculation.drafted,
  );
  const [planned] = of(entries, 'planned');
  assert.equal(planned?.['budget'], 256 * 2 ** 20);
});

test('other commands tell what they do, each at level debug only', async () => {
  const tells = async (command: readonly string[], msg: string): Promise<void> => {
    const { stderr } = await run(command, { env: debug });
    assert.ok(of(entriesOf(stderr), msg).length > 0, `${command[0]} says nothing of "${msg}": ${stderr}`);
  };
  await Promise.all([
    tells(['info', model, ...little], 'planned'),
    tells(['list', model], 'models found'),
    tells(['ps', '--port', '1'], 'asking'),
    run(['info', model, ...little], { env: { SSD_LLM_LOG_LEVEL: 'info' } }).then(({ stderr }) =>
      assert.equal(stderr, ''),
    ),
  ]);
  await tells(['bench', model, ...little, '--tokens', '2', '--prompt-tokens', '4', '--rounds', '1'], 'calibrated');
});

test('a level that there is not is refused', async () => {
  const { code, stderr } = await run(['info', model], { env: { SSD_LLM_LOG_LEVEL: 'loud' } });
  assert.equal(code, 2);
  assert.match(stderr, /SSD_LLM_LOG_LEVEL "loud" is not valid; expected one of trace, debug, /);
});

/** Whether the package holds x64 as one CPU variant of several. */
const skip = process.platform === 'linux' && process.arch === 'x64' ? false : 'ggml has one CPU variant here';

test('the CPU variant that was chosen computes in the process of a run', { skip }, async () => {
  const { code, stderr } = await run(['run', model, ...little, ...asking], { env: { ...debug, SSD_LLM_CPU: 'x64' } });
  assert.equal(code, 0, stderr);
  assert.equal(of(entriesOf(stderr), 'device')[0]?.['variant'], 'x64');
  const unknown = await run(['info', model], { env: { SSD_LLM_CPU: 'abacus' } });
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /"abacus" cannot compute .* choose one of .*x64.* \[CPU_VARIANT\]/);
});

test('the engine of a server tells what it does through the log of the server, and computes as chosen', {
  skip,
}, async () => {
  await using server = await serve(['--models', folder.path, ...little], { env: { ...debug, SSD_LLM_CPU: 'x64' } });
  const options = { num_predict: 4, temperature: 0 };
  const answer = await postTo(server, '/api/generate', {
    model: 'tiny',
    prompt: 'abc',
    raw: true,
    stream: false,
    options,
  });
  assert.equal(answer.status, 200, await answer.text());
  const entries = entriesOf(server.said());
  assert.equal(of(entries, 'device').at(-1)?.['variant'], 'x64');
  const passes = of(entries, 'pass');
  assert.ok(passes.length >= 4 && passes.every(({ model }) => `${model}`.startsWith('tiny')));
});
