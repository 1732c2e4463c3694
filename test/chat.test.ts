import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import type { Message } from '../src/chat/message.ts';
import type { GenerateOptions } from '../src/model/model-options.ts';
import { writeChatModel, writeLoopingModel } from './support/chat-model.ts';
import { type Ended, run, runJson, type StartOptions, start } from './support/cli.ts';
import { writeBytePair } from './support/model-files.ts';
import { shared } from './support/shared.ts';
import { asked, Teller } from './support/teller.ts';
import { sharedFolder, tempFolder } from './support/temp-folder.ts';

const folder = sharedFolder();
const model = writeChatModel(folder.file('chat.gguf'));
const teller = shared(new Teller(model));

/** With kernels that give the same bits whatever is reused of earlier turns. */
const kernels = ['--memory-budget', '300M', '--kernels', 'plain', '--threads', '1'];
const machine = [...kernels, '--ctx', '512'];
const greedy = ['--temperature', '0'];
const maxTokens = 16;
/** Milliseconds, for what hangs. */
const timeout = 240_000;

const chat = (lines: readonly string[], ...args: readonly string[]): Promise<Ended> =>
  run(['chat', model, ...machine, ...greedy, '-n', `${maxTokens}`, ...args], {
    input: lines.map((line) => `${line}\n`).join(''),
  });
/** The model's answer to messages. */
const told = (messages: readonly Message[], options: GenerateOptions = {}): Promise<string> =>
  teller.text(messages, { maxTokens, ...options });

const name = 'My name is Zoe.';
const question = 'What is my name?';

test('a conversation goes as its messages and commands say', async () => {
  const french = 'Answer in French.';
  const quoted = asked('My name is\n/clear Zoe.');
  const hot: GenerateOptions = { temperature: 1.5, topK: 0, seed: 7 };
  const first = await told(asked(name));
  const before: readonly Message[] = [...asked(name), { role: 'assistant', content: first }];
  const turns: readonly (readonly [lines: readonly string[], answer: string])[] = [
    [[name], first],
    [[question], await told([...before, ...asked(question)])],
    [['/clear', question], await told(asked(question))],
    [['/clear', '//clear'], await told(asked('/clear'))],
    [['/clear', '"""My name is', '/clear Zoe."""'], await told(quoted)],
    [['/clear', `/system ${french}`, name], await told(asked(name, french))],
    [['/clear', name], await told(asked(name, french))],
    [['/clear', '/set parameter num_predict 3', question], await told(asked(question, french), { maxTokens: 3 })],
    [
      ['/clear', '/set parameter temperature 1.5', '/set parameter top_k 0', '/set parameter seed 7', name],
      await told(asked(name, french), { ...hot, maxTokens: 3 }),
    ],
    // The quotes that would close it are missing.
    [['/clear', '/set parameter num_predict 20', '"""', 'My name is', '/clear Zoe.'], ''],
  ];
  const lines = turns.flatMap(([lines]) => lines);
  const { code, stdout, stderr } = await chat(lines, '-v');
  assert.equal(code, 0, stderr);
  const last = await told([{ role: 'system', content: french }, ...quoted], { ...hot, maxTokens: 20 });
  assert.deepEqual(stdout.trimEnd().split('\n'), [...turns.slice(0, -1).map(([, answer]) => answer), last]);
  assert.match(stderr, /^memory budget 300 MiB; .*\n/);
  assert.equal(stderr.match(/^answer {3}[\d.]+ tokens\/s: /gm)?.length, turns.length, '--verbose tells of each');
});

test('instructions and stop texts can be given from the start', async () => {
  const system = 'Answer in French.';
  const whole = await told(asked(name, system));
  const stop = whole.slice(5, 9);
  const { stdout } = await chat([name], '--system', system, '--stop', stop);
  assert.equal(stdout.trimEnd(), whole.slice(0, whole.indexOf(stop)));
});

test('commands answer on stderr, wrong ones too, and the conversation goes on', async () => {
  const lines = ['/foo', '/set parameter top_k many', '/show', '/help', name, '/show', '/bye', 'not said'];
  const { code, stdout, stderr } = await chat(lines);
  assert.deepEqual([code, stdout], [0, `${await told(asked(name))}\n`]);
  assert.match(
    stderr,
    /^There is no command \/foo; these are: \/clear, .*\/bye\.\n.*two: \/\/\ntop-k many is not valid; /,
  );
  assert.match(stderr, /memory +budget 300 MiB; [\d.]+ KiB of weights, all resident\n/);
  assert.match(stderr, /context +0 of 512 tokens, 0 messages\n/);
  assert.match(stderr, /context +[1-9]\d* of 512 tokens, 2 messages$/m);
});

test('a message that is too long is taken back, said to be so, and the conversation goes on', async () => {
  const { code, stdout, stderr } = await chat([name, 'word '.repeat(600), question]);
  assert.equal(code, 1, 'not everything was answered');
  assert.match(stderr, /^error: the prompt has .* the context holds 512; .* \[CONTEXT_TOO_LONG\]\n.*\/clear.*--ctx/);
  const first = await told(asked(name));
  const second = await told([...asked(name), { role: 'assistant', content: first }, ...asked(question)]);
  assert.equal(stdout, `${first}\n${second}\n`);
});

test('an answer that the context has no more room for says so', async () => {
  const { stderr } = await run(['chat', model, ...machine, '--ctx', '64', ...greedy], { input: name });
  assert.match(stderr, /^The context is full, .*\/clear.*--ctx/);
});

/** A conversation that is watched while it goes on: what it says is waited for. */
function watch(args: readonly string[], { signal, ...options }: StartOptions & { readonly signal: AbortSignal }) {
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
    /** Earlier output is not looked at again. */
    until: async (pattern: RegExp): Promise<void> => {
      let match = pattern.exec(said);
      for (; !match; match = pattern.exec(said)) {
        await Promise.race([
          once(child, 'said', { signal }),
          ended.then(() => assert.fail(`it ended before ${pattern}: ${said}`)),
        ]);
      }
      said = said.slice(match.index + match[0].length);
    },
    end: (): void => void child.stdin?.end(),
    [Symbol.dispose]: (): void => void child.kill(),
  };
}

test('an error while answering takes the message back, and the conversation goes on', { timeout }, async ({
  signal,
}) => {
  const path = folder.file('shrinking.gguf');
  copyFileSync(model, path);
  using chat = watch([path, ...machine, ...greedy, '-n', `${maxTokens}`, '-v'], { signal });
  await chat.until(/^memory budget .*\n/m);
  truncateSync(path, 200_000);
  chat.say('Who are you?\n');
  await chat.until(/^error: .* \[FILE_CHANGED\]\nYour message was taken back: .*\n/m);
  copyFileSync(model, path);
  chat.say(`${name}\n`);
  chat.end();
  const { code, stdout } = await chat.ended;
  assert.deepEqual([code, stdout], [1, `${await told(asked(name))}\n`]);
});

test('a model without a chat template chats by ChatML, and says so; another can be given', async () => {
  using folder = tempFolder();
  const shape = { layers: 2, width: 64, heads: 4, kvHeads: 2, feedForward: 96, vocabulary: 400, context: 256 };
  const path = writeBytePair(folder.file('model.gguf'), shape, { type: 'q8_0' });
  const args = ['chat', path, ...kernels, '-n', '2'];
  const { code, stderr } = await run(args, { input: 'Hi' });
  assert.equal(code, 0);
  assert.match(stderr, /^the model has no chat template, so ChatML is used/m);
  const source = folder.file('own.jinja');
  writeFileSync(source, '{% for m in messages %}{{ m.content }}{% endfor %}');
  for (const template of ['llama3', source]) {
    const named = await run([...args, '--chat-template', template], { input: 'Hi' });
    assert.deepEqual([named.code, named.stderr.includes('ChatML')], [0, false]);
  }
  const wrong = await run([...args, '--chat-template', 'no-such'], { input: 'Hi' });
  assert.match(
    wrong.stderr,
    /^error: --chat-template no-such is not valid; expected a file that can be read, or one of chatml/,
  );
});

test('drafts make for fewer passes and the same answer', async () => {
  const path = folder.file('looping.gguf');
  writeLoopingModel(path);
  await using loop = new Teller(path);
  const tokens = 60;
  const expected = await loop.text(asked(name), { maxTokens: tokens });
  for (const [ahead, how] of [
    [2, ['--draft-ngram', '--draft-ahead', '2']],
    [3, ['--draft-model', path, '--draft-ahead', '3']],
  ] as const) {
    const args = [...machine, ...greedy, '-n', `${tokens}`, '-v', '--no-adaptive-draft', ...how];
    const { code, stdout, stderr } = await run(['chat', path, ...args], { input: name });
    assert.deepEqual([code, stdout], [0, `${expected}\n`]);
    const [, accepted = 0, drafted = 0, each = 0] =
      /^drafted +(\d+) of (\d+) tokens accepted: ([\d.]+) tokens per pass$/m.exec(stderr)?.map(Number) ?? [];
    const passes = tokens - 1 - accepted;
    assert.ok(accepted > 0 && accepted <= drafted && drafted <= ahead * passes, stderr);
    assert.ok(Math.abs(each - (tokens - 1) / passes) < 0.01, stderr);
  }
});

test('nothing said is a conversation too', async () => {
  assert.deepEqual(await chat([]), { code: 0, stdout: '', stderr: '' });
});

/** Gives what follows it a terminal. */
const pty = ['sh', '-c', 'exec script -qefc "$(printf " \'%s\'" "$@")" /dev/null', 'sh'];
const hasPty = spawnSync('script', ['--version']).stdout?.includes('util-linux') ?? false;

test('at a terminal Ctrl-C drops what was begun, and leaves when it comes twice where there is nothing', {
  skip: hasPty ? false : 'there is no util-linux here to make a terminal',
  timeout,
}, async ({ signal }) => {
  using chat = watch([model, ...machine], { wrapper: pty, env: { SSD_LLM_CACHE: folder.path, TERM: 'xterm' }, signal });
  await chat.until(/>>> /);
  chat.say('"""two\r');
  await chat.until(/\.\.\. /);
  // The first one drops a message, the second one nothing.
  for (let i = 0; i < 2; i += 1) {
    chat.say('\x03');
    await chat.until(/\(Ctrl-D.*>>> /s);
  }
  chat.say('\x03');
  assert.equal((await chat.ended).code, 0);
});

test('at a terminal Ctrl-C stops an answer and keeps it, arrow up brings lines back, and Ctrl-D leaves', {
  skip: hasPty ? false : 'there is no util-linux here to make a terminal',
  timeout,
}, async ({ signal }) => {
  using folder = tempFolder();
  const env = { SSD_LLM_CACHE: folder.path, TERM: 'xterm' };
  using chat = watch([model, ...kernels, ...greedy, '--sliding-window', '200'], { wrapper: pty, env, signal });
  await chat.until(/>>> /);
  chat.say('Tell me a very long story.\r');
  await chat.until(/story\.\s/);
  // Words of the answer: numbers are among them.
  await chat.until(/(?: \d+\S*){3}/);
  chat.say('\x03');
  await chat.until(/>>> /);
  chat.say('/show\r');
  await chat.until(/context +\d+ of \d+ tokens, 2 messages.*>>> /s);
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

test('a conversation goes on from its file, in chat and in run', async () => {
  using folder = tempFolder();
  const session = ['--session', folder.file('talk.kv')];
  const options = ['-m', '300M', '-n', '4', ...session];
  const chat = await run(['chat', model, ...options], { input: 'My name is Ada.\n' });
  assert.equal(chat.code, 0, chat.stderr);
  const again = await run(['chat', model, ...options], { input: 'What is it?\n' });
  assert.match(again.stderr, /^goes on with the 2 messages of .*talk\.kv$/m);
  const { stats, prompt_tokens } = await runJson(['run', model, ...options, 'And again?']);
  assert.ok(stats.prefill.cached > 0 && prompt_tokens > 60, JSON.stringify(stats.prefill));
});
