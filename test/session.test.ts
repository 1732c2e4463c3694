import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { writeChatModel } from './support/chat-model.ts';
import { type RunAnswer, run, start } from './support/cli.ts';
import { sharedPath, tempFolder } from './support/temp-folder.ts';

const model = writeChatModel(sharedPath('chat.gguf'));

const machine = ['-m', '300M', '-t', '1'];

/** Asks with a session, which ends without an error. */
async function ask(
  session: string,
  prompt: string,
  ...args: readonly string[]
): Promise<RunAnswer & { stderr: string }> {
  const fixed = ['-n', '12', '--temperature', '0', ...machine, '--json'];
  const { code, stdout, stderr } = await run(['run', model, '-p', prompt, '--session', session, ...fixed, ...args]);
  assert.equal(code, 0, stderr);
  return { ...(JSON.parse(stdout) as RunAnswer), stderr };
}

test('a conversation goes on in another process, which computes only what is new, and says what it would have said', async () => {
  using folder = tempFolder();
  const path = folder.file('kept.session');
  const first = await ask(path, 'Name three rivers of Europe, please.', '--system', 'You are brief.');
  assert.equal(first.stats.prefill.cached, 0);
  const second = await ask(path, 'And three of Africa?');
  const { cached, tokens } = second.stats.prefill;
  assert.ok(cached >= first.prompt_tokens && cached + tokens === second.prompt_tokens, `${cached} and ${tokens}`);

  // The same, computed as a whole: the keys and values in the file are those of another type.
  const again = folder.file('again.session');
  await ask(again, 'Name three rivers of Europe, please.', '--system', 'You are brief.');
  const whole = await ask(again, 'And three of Africa?', '--kernels', 'plain');
  assert.match(whole.stderr, /it is computed again/);
  assert.equal(whole.stats.prefill.cached, 0);
  assert.equal(second.text, whole.text);
});

test('a text that is sent as it is goes on where it ended', async () => {
  using folder = tempFolder();
  const path = folder.file('kept.session');
  const first = await ask(path, 'Once upon a time', '--raw');
  const second = await ask(path, ' And then the', '--raw');
  assert.ok(second.stats.prefill.cached >= first.tokens.length - 2);
  const { code, stderr } = await run(['run', model, '-p', 'Hello', '--session', path, '-m', '300M']);
  assert.equal(code, 2);
  assert.match(stderr, /--raw left out is not valid; expected it, as the session began so/);
});

test('a conversation goes on with keys and values of another type, or on the SSD', async () => {
  using folder = tempFolder();
  const path = folder.file('kept.session');
  await ask(path, 'Name three rivers of Europe, please.');
  const moved = await ask(path, 'And of Africa?', '--kv-home', 'ssd', '--kv-dir', folder.path);
  assert.ok(moved.stats.prefill.cached > 30, 'where they live makes no difference');
  const quantized = await ask(path, 'And of Asia?', '--kv-type', 'q8_0');
  assert.match(quantized.stderr, /it is computed again/);
  assert.ok((await ask(path, 'And of America?', '--kv-type', 'q8_0')).stats.prefill.cached > 60);
});

test('a file that is no session is refused and left as it is; a damaged one is not taken for whole', async () => {
  using folder = tempFolder();
  const path = folder.file('letter.txt');
  writeFileSync(path, 'Dear reader');
  const { code, stderr } = await run(['run', model, '-p', 'Hello', '--session', path, '-m', '300M']);
  assert.equal(code, 2);
  assert.match(stderr, /letter\.txt is no session of ours/);
  assert.equal(readFileSync(path, 'utf8'), 'Dear reader');

  const damaged = folder.file('damaged.session');
  const { text } = await ask(damaged, 'Name three rivers of Europe, please.');
  const bytes = readFileSync(damaged);
  bytes[bytes.length - 100] = 1 ^ (bytes[bytes.length - 100] ?? 0);
  writeFileSync(damaged, bytes);
  const next = await ask(damaged, 'And three of Africa?');
  assert.match(next.stderr, /it is computed again/);
  assert.notEqual(next.text, text);
});

test('two at once do not take turns from each other: the second is told; one that was killed keeps nobody out', async () => {
  using folder = tempFolder();
  const path = folder.file('kept.session');
  /** Waits for its prompt, with the session open. */
  const waiting = async (): Promise<ReturnType<typeof start>> => {
    const one = start(['run', model, ...machine, '-n', '4', '--session', path], { keepInput: true });
    while (!existsSync(`${path}.lock`) || readFileSync(`${path}.lock`, 'utf8') === '') {
      const ended = await Promise.race([setTimeout(20), one.ended]);
      if (ended) assert.fail(ended.stderr);
    }
    return one;
  };
  const first = await waiting();
  const second = await run(['run', model, ...machine, '-p', 'Hello', '--session', path]);
  assert.equal(second.code, 1);
  assert.match(second.stderr, /kept\.session is in use by another process \(\d+\).*\[FILE_IN_USE\]/);
  first.child.stdin?.end('Name a river.');
  assert.equal((await first.ended).code, 0);

  const killed = await waiting();
  killed.child.kill('SIGKILL');
  await killed.ended;
  const { stats } = await ask(path, 'And a lake?');
  assert.ok(stats.prefill.cached > 10, 'the turn of the first one is there');
  assert.deepEqual(readdirSync(folder.path), ['kept.session']);
});
