import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync, truncateSync } from 'node:fs';
import test from 'node:test';
import { writeRandomModel } from '../bench/random-model.ts';
import { type Ended, run, type StartOptions, start } from './support/cli.ts';
import { smollm2 } from './support/smollm2.ts';
import { tempFolder } from './support/temp-folder.ts';

const model = await smollm2();
/** Too little for the weights, which makes half of them stream; and the same bits whatever is reused of earlier turns. */
const machine = ['--memory-budget', '192M', '--ctx', '512', '--kernels', 'plain', '--threads', '1'];
/** Answers of one line. */
const short = ['--max-tokens', '16', '--stop', '\n'];
/** Milliseconds. */
const timeout = 120_000;
const greedy = ['--temperature', '0'];

const chat = (lines: readonly string[], ...args: readonly string[]): Promise<Ended> =>
  run(['chat', model, ...machine, ...short, ...args], { input: lines.map((line) => `${line}\n`).join('') });

/** What the model answers to each of the messages among `lines`. */
async function answers(lines: readonly string[], ...args: readonly string[]): Promise<readonly string[]> {
  const { code, stdout, stderr } = await chat(lines, ...args);
  assert.equal(code, 0, stderr);
  return stdout.trimEnd().split('\n');
}

async function runAnswer(prompt: string, ...args: readonly string[]): Promise<string> {
  return (await run(['run', model, '-p', prompt, ...machine, ...short, ...args])).stdout.trimEnd();
}

const name = 'My name is Zoe.';
const question = 'What is my name?';

test('an answer depends on what was said before, until that is cleared', async () => {
  const lines = await answers([name, question, '/clear', question], ...greedy);
  assert.equal(lines.length, 3, 'stdout has the answers and nothing else');
  assert.match(lines[1] ?? '', /Zoe/);
  assert.doesNotMatch(lines[2] ?? '', /Zoe/);
  assert.equal(lines[0], await runAnswer(name, ...greedy));
  assert.equal(lines[2], await runAnswer(question, ...greedy), 'as if nothing had been said');
});

test('the system prompt comes before everything, can be set later, and outlives what was said', async () => {
  const french = ['--system', 'Answer in French.'];
  const [before, after] = await answers([name, '/clear', name], ...greedy, ...french);
  assert.equal(before, await runAnswer(name, ...greedy, ...french));
  assert.equal(after, before);
  assert.deepEqual(await answers(['/system Answer in French.', name], ...greedy), [before]);
});

test('parameters hold from when they are set: a seed repeats an answer, and another gives another', async () => {
  const hot = ['/set parameter temperature 1.5', '/set parameter top_k 0'];
  const ask = (seed: number): readonly string[] => ['/clear', `/set parameter seed ${seed}`, question];
  const [cold, first, other, again] = await answers([question, ...hot, ...ask(7), ...ask(8), ...ask(7)], ...greedy);
  assert.equal(again, first);
  assert.ok(first !== cold && first !== other);
  assert.equal(first, await runAnswer(question, '--temperature', '1.5', '--top-k', '0', '--seed', '7'));
  const [three, stopped] = await answers(
    ['/set parameter num_predict 3', name, '/clear', '/set stop Zoe', name],
    ...greedy,
  );
  assert.ok((three ?? '').split(' ').length <= 3, three);
  assert.doesNotMatch(stopped ?? '', /Zoe/);
});

test('three quotes make one message of several lines, also if the last ones are missing', async () => {
  const expected = await runAnswer('My name is\n/clear Zoe.', ...greedy);
  const lines = ['//clear', '/clear', '"""My name is', '/clear Zoe."""', '/clear', '"""', 'My name is', '/clear Zoe.'];
  assert.deepEqual(await answers(lines, ...greedy), [await runAnswer('/clear', ...greedy), expected, expected]);
});

test('commands answer on stderr, wrong ones too, and the conversation goes on', async () => {
  const lines = ['/foo', '/set parameter top_k many', '/show', '/help', name, '/show', '/bye', 'not said'];
  const { code, stdout, stderr } = await chat(lines, ...greedy);
  assert.equal(code, 0);
  assert.equal(stdout.trimEnd().split('\n').length, 1);
  assert.match(
    stderr,
    /^There is no command \/foo; these are: \/clear, .*\/bye\.\n.*two: \/\/\ntop-k many is not valid; /,
  );
  assert.match(stderr, /memory +budget 192 MiB; 92\.1 MiB of weights: .* streamed for each token\n/);
  assert.match(stderr, /context +0 of 512 tokens, 0 messages\n/);
  assert.match(
    stderr,
    /context +[1-9]\d* of 512 tokens, 2 messages\n$|context +[1-9]\d* of 512 tokens, 2 messages\nparam/,
  );
});

test('a message that is too long is taken back, said to be so, and the conversation goes on', async () => {
  const { code, stdout, stderr } = await chat([name, 'word '.repeat(600), question], ...greedy);
  assert.equal(code, 1, 'not everything was answered');
  assert.match(
    stderr,
    /^error: the prompt has \d+ tokens but the context holds 512; .* \[CONTEXT_TOO_LONG\]\n.*\/clear.*--ctx/,
  );
  const lines = stdout.trimEnd().split('\n');
  assert.equal(lines.length, 2);
  assert.match(lines[1] ?? '', /Zoe/);
});

test('an answer that the context has no more room for says so', async () => {
  const { stderr } = await run(['chat', model, ...machine, '--ctx', '48', ...greedy], { input: name });
  assert.match(stderr, /^The context is full, .*\/clear.*--ctx/);
});

/** A conversation that is watched while it goes on: what it says is waited for. */
function watch(args: readonly string[], options: StartOptions = {}) {
  const { child, ended } = start(['chat', ...args], { keepInput: true, ...options });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (text: string) => {
      said += text;
      child.emit('said');
    });
  }
  return {
    ended,
    say: (text: string): boolean | undefined => child.stdin?.write(text),
    /** What came before is not looked at again. */
    until: async (pattern: RegExp): Promise<void> => {
      let match = pattern.exec(said);
      for (; !match; match = pattern.exec(said)) await once(child, 'said');
      said = said.slice(match.index + match[0].length);
    },
    end: (): void => void child.stdin?.end(),
    [Symbol.dispose]: (): void => void child.kill(),
  };
}

test('an error while answering takes the message back, and the conversation goes on', { timeout }, async () => {
  using folder = tempFolder();
  const path = folder.file('model.gguf');
  copyFileSync(model, path);
  using chat = watch([path, ...machine, ...short, ...greedy]);
  chat.say(`${name}\n`);
  await chat.until(/\n/);
  truncateSync(path, 20_000_000);
  chat.say('Who are you?\n');
  await chat.until(/^error: .* \[FILE_CHANGED\]\nYour message was taken back: .*\n/m);
  copyFileSync(model, path);
  // What was read ahead while the file was short may fail once more.
  chat.say(`Hi\n/clear\n${name}\n${question}\n`);
  chat.end();
  const { code, stdout } = await chat.ended;
  assert.equal(code, 1);
  assert.match(stdout.trimEnd().split('\n').at(-1) ?? '', /Zoe/);
});

test('a model without a chat template is refused before anything is loaded', async () => {
  using folder = tempFolder();
  const spec = { layers: 2, width: 64, heads: 4, kvHeads: 2, feedForward: 96, vocabulary: 160 } as const;
  const [path = ''] = writeRandomModel(folder.file('model.gguf'), { architecture: 'llama', ...spec });
  const { code, stdout, stderr } = await run(['chat', path], { input: 'Hi' });
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(
    stderr,
    /^error: the model's chat template .* \(the model has none\); use run --raw .* \[TEMPLATE_FAILED\]\n$/,
  );
});

test('--verbose says where the time of each answer went', async () => {
  const { stderr } = await chat([name, question], ...greedy, '-v');
  assert.match(stderr, /^memory budget 192 MiB; .*\n/);
  assert.equal(stderr.match(/^answer {3}[\d.]+ tokens\/s: /gm)?.length, 2);
});

test('guesses make for fewer passes and the same answer: as many as are wanted, or as pay', async () => {
  const list = 'Say the list: apples, pears, plums, cherries, peaches, melons, lemons, oranges';
  const say = (...args: readonly string[]): Promise<Ended> => chat([list], ...greedy, '-n', '24', '-v', ...args);
  const plain = await say();
  assert.doesNotMatch(plain.stderr, /guessed/);
  const guessed = async (...args: readonly string[]): Promise<{ drafted: number; passes: number }> => {
    const { code, stdout, stderr } = await say(...args);
    assert.deepEqual([code, stdout], [0, plain.stdout]);
    const [, accepted = 0, drafted = 0, each = 0] =
      /^guessed +(\d+) of (\d+) tokens right: ([\d.]+) tokens per pass$/m.exec(stderr)?.map(Number) ?? [];
    const [, tokens = 0] = /^answer .*: (\d+) in /m.exec(stderr)?.map(Number) ?? [];
    assert.ok(accepted > 0 && each > 1, stderr);
    return { drafted, passes: Math.round(tokens / each) };
  };
  const eager = await guessed('--draft-ngram', '--no-adaptive-draft');
  const near = await guessed('--draft-ngram', '--no-adaptive-draft', '--draft-ahead', '2');
  assert.ok(near.drafted <= 2 * near.passes && near.passes > eager.passes, `${near.drafted} in ${near.passes} passes`);
  // Of all models it guesses best itself.
  const drafting = await guessed('--draft-model', model, '--draft-ahead', '3', '--no-adaptive-draft', '-m', '400M');
  assert.ok(drafting.drafted > drafting.passes, `${drafting.drafted} in ${drafting.passes} passes`);
});

test('nothing said is a conversation too', async () => {
  assert.deepEqual(await chat([]), { code: 0, stdout: '', stderr: '' });
});

/** Gives what follows it a terminal. */
const pty = ['sh', '-c', 'exec script -qefc "$(printf " \'%s\'" "$@")" /dev/null', 'sh'];
const hasPty = spawnSync('script', ['--version']).stdout?.includes('util-linux') ?? false;

test('at a terminal Ctrl-C stops an answer and keeps it, arrow up brings lines back, and Ctrl-D leaves', {
  skip: hasPty ? false : 'there is no util-linux here to make a terminal',
  timeout,
}, async () => {
  using folder = tempFolder();
  const env = { SSD_LLM_CACHE: folder.path, TERM: 'xterm' };
  using chat = watch([model, '-m', '400M', '--ctx', '512', ...greedy], { wrapper: pty, env });
  await chat.until(/>>> /);
  chat.say('Tell me a very long story.\r');
  await chat.until(/story\.\s/);
  await chat.until(/(\w+ ){6}/);
  chat.say('\x03');
  await chat.until(/>>> /);
  chat.say('/show\r');
  await chat.until(/context +\d+ of 512 tokens, 2 messages.*>>> /s);
  chat.say('\x1b[A\x1b[A');
  await chat.until(/Tell me a very long story\./);
  chat.say('\x03');
  await chat.until(/\^C\s+\(Ctrl-D.*>>> /s);
  chat.say('"""two\r');
  await chat.until(/\.\.\. /);
  chat.say('\x04');
  const { code } = await chat.ended;
  assert.equal(code, 0);
  const history = readFileSync(folder.file('chat-history'), 'utf8');
  assert.equal(history, 'Tell me a very long story.\n/show\n"""two\n');
});
