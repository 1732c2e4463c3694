import assert from 'node:assert/strict';
import {
  copyFileSync,
  existsSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeChatModel } from './support/chat-model.ts';
import { run } from './support/cli.ts';
import { forbidWriting, smallSsd } from './support/full-disk.ts';
import { isAlive, until } from './support/processes.ts';
import { frugal, metric, modest, postTo, type Server, serve } from './support/server.ts';
import { smollm2 } from './support/smollm2.ts';
import { Teller } from './support/teller.ts';
import { sharedPath, tempFolder } from './support/temp-folder.ts';

const path = writeChatModel(sharedPath('chat.gguf'), { context: 2 ** 20 });
const model = 'chat:latest';
const one = [...modest, '--parallel', '1'];
/** Answers do not end before they are wanted to. */
const endless = [...frugal, '--sliding-window', '256'];
const linux = { skip: process.platform !== 'linux' };

const greedy = { temperature: 0, num_predict: 8 };
const prompt = 'The sky is blue because';
const short = { model, prompt, raw: true, stream: false, options: greedy };
/** Answers of more tokens than any test waits for, where there is room. */
const long = { model, prompt: 'Once upon a time', raw: true, options: { temperature: 0, num_predict: 1e6 } };
const openai = { model, prompt: 'Once upon a time', temperature: 0, max_tokens: 1e6 };

interface Generated {
  readonly response: string;
  readonly prompt_eval_count: number;
  readonly prompt_eval_cached_count: number;
  readonly error?: string;
}

async function answer(server: Server, body: object = short): Promise<Generated> {
  const response = await postTo(server, '/api/generate', body);
  const generated = (await response.json()) as Generated;
  assert.equal(response.status, 200, generated.error);
  return generated;
}

/** An answer of which something has come, and what comes of it: all the text, or the error that ends it. */
async function begun(server: Server, path: string, body: object): Promise<{ readonly rest: Promise<string> }> {
  const response = await postTo(server, path, body);
  assert.equal(response.status, 200);
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader() ?? assert.fail();
  const texts = [(await reader.read()).value ?? ''];
  const rest = async (): Promise<string> => {
    for (let next = await reader.read(); !next.done; next = await reader.read()) texts.push(next.value);
    return texts.join('');
  };
  return { rest: rest() };
}

const only = (pids: readonly number[]): number => {
  assert.equal(pids.length, 1);
  return pids[0] ?? 0;
};

test(
  'an engine that is killed fails its answers, with a status where nothing has come, and is replaced',
  linux,
  async () => {
    await using server = await serve([path, ...endless, '--parallel', '2']);
    const { response } = await answer(server);
    const { rest: lines } = await begun(server, '/api/generate', long);
    const { rest: events } = await begun(server, '/v1/completions', { ...openai, stream: true });
    const whole = postTo(server, '/v1/completions', openai);
    const waiting = postTo(server, '/api/chat', {
      model,
      messages: [{ role: 'user', content: 'Hi' }],
      options: long.options,
    });
    await until(async () => (await metric(server, 'requests_pending')) === 4);
    const engine = only(server.engines());
    process.kill(engine, 'SIGKILL');
    const texts = await Promise.all([lines, events, ...[whole, waiting].map(async (one) => (await one).text())]);
    assert.deepEqual([(await whole).status, (await waiting).status], [500, 500]);
    const reason = `the engine of ${model} ended unexpectedly (signal SIGKILL); the next request starts it again`;
    const error = JSON.stringify({ message: reason, type: 'api_error', param: null, code: 'engine_died' });
    assert.ok(texts[0]?.endsWith(`\n{"error":${JSON.stringify(reason)}}\n`), texts[0]);
    assert.ok(texts[1]?.endsWith(`\n\ndata: {"error":${error}}\n\n`), texts[1]);
    assert.deepEqual(
      texts.slice(2).map((text) => text.trim()),
      [`{"error":${error}}`, `{"error":${JSON.stringify(reason)}}`],
    );

    assert.equal((await answer(server)).response, response);
    assert.notEqual(only(server.engines()), engine);
    assert.equal(await metric(server, 'requests_total{outcome="failed"}'), 4);
  },
);

test('an engine that is killed while it starts is an error with a status', linux, async () => {
  await using server = await serve([path, ...one]);
  const asked = postTo(server, '/api/generate', short);
  await until(() => server.engines().length > 0);
  process.kill(only(server.engines()), 'SIGKILL');
  const failed = await asked;
  assert.equal(failed.status, 500);
  assert.match(await failed.text(), /ended unexpectedly/);
  await answer(server);
});

test(
  'a model whose file is deleted ends its answer, which nobody waits for, and is found when it is back',
  linux,
  async () => {
    using folder = tempFolder();
    const file = folder.file('gone.gguf');
    copyFileSync(path, file);
    await using server = await serve(['--models', folder.path, ...endless, '--parallel', '1']);
    const gone = { ...short, model: 'gone' };
    const { response } = await answer(server, gone);
    const some = { temperature: 0, num_predict: 100 };
    const { rest } = await begun(server, '/api/generate', { ...long, model: 'gone', options: some });
    rmSync(file);
    assert.match(await rest, /"done":true/);
    const missing = await postTo(server, '/api/generate', gone);
    assert.equal(missing.status, 404);
    assert.deepEqual(await missing.json(), { error: "model 'gone' not found; the server has none yet" });
    assert.deepEqual(await (await fetch(`${server.url}/api/tags`)).json(), { models: [] });
    copyFileSync(path, file);
    assert.equal((await answer(server, gone)).response, response);

    const leaving = new AbortController();
    const endlessly = await postTo(server, '/api/generate', { ...long, model: 'gone' }, { signal: leaving.signal });
    await endlessly.body?.getReader().read();
    const body = JSON.stringify({ model: 'gone' });
    const deleted = await fetch(`${server.url}/api/delete`, { method: 'DELETE', body });
    assert.deepEqual([deleted.status, existsSync(file), server.engines().length], [200, false, 1]);
    leaving.abort();
    await until(() => server.engines().length === 0);
  },
);

test('a model whose file is cut short while it streams is an error, not an end', linux, async () => {
  using folder = tempFolder();
  const file = folder.file('cut.gguf');
  const large = await smollm2();
  copyFileSync(large, file);
  symlinkSync(large, folder.file('whole.gguf'));
  const tight = ['--memory-budget', '200M', '--prompt-cache', '0', '--ctx', '256', '--parallel', '1', '--threads', '1'];
  await using server = await serve(['--models', folder.path, ...tight]);
  const { rest } = await begun(server, '/api/generate', { ...long, model: 'cut' });
  truncateSync(file, 50e6);
  assert.match(await rest, /"error":"[^"]*cut\.gguf became shorter while it was in use/);
  assert.equal((await postTo(server, '/api/generate', { ...short, model: 'cut' })).status, 404);
  await answer(server, { ...short, model: 'whole' });
});

/** More than a batch, so that some of it can be reused. */
const story = `${'The weather in the mountains changes quickly. '.repeat(4)}Therefore`;
const told = { ...short, prompt: story };
await using teller = new Teller(path);
const expected = await teller.text(story, { maxTokens: 8 });

test('what the prompt-cache folder keeps outlives the server; damaged, it is computed again', linux, async () => {
  using folder = tempFolder();
  const computed: number[] = [];
  for (const damage of [false, false, true]) {
    const files = damage ? readdirSync(folder.path).map((name) => folder.file(name)) : [];
    for (const file of files) writeFileSync(file, Buffer.alloc(statSync(file).size, 'x'));
    await using server = await serve([path, ...one, '--prompt-cache-dir', folder.path]);
    const { response, prompt_eval_count, prompt_eval_cached_count } = await answer(server, told);
    assert.equal(response, expected);
    computed.push(prompt_eval_count - prompt_eval_cached_count);
    server.child.kill('SIGTERM');
    assert.equal((await server.ended).code, 0);
  }
  const [whole = 0, rest = 0, again] = computed;
  assert.ok(rest < whole && (whole - rest) % 64 === 0, `${computed}`);
  assert.equal(again, whole);
});

test(
  'a folder that cannot be written to is found out when the server starts; a full one costs a warning, no answer',
  linux,
  async (t) => {
    const refused = async (option: string, folder: string): Promise<void> => {
      const { code, stderr } = await run(['serve', path, ...one, option, folder]);
      assert.equal(code, 1);
      assert.match(stderr, /cannot be written \((ENOTDIR|EROFS|EACCES)\).*\[UNWRITABLE\]/);
    };
    using none = tempFolder();
    writeFileSync(none.file('file'), '');
    for (const option of ['--prompt-cache-dir', '--kv-dir']) await refused(option, none.file('file'));
    using disk = smallSsd(64 * 2 ** 10);
    if (!disk) return t.diagnostic('no disk could be mounted here');
    {
      await using server = await serve([path, ...one, '--prompt-cache-dir', disk.path]);
      assert.equal((await answer(server, told)).response, expected);
      await until(() => /"level":40.*the engine has trouble/.test(server.said()));
    }
    assert.deepEqual(readdirSync(disk.path), []);
    if (forbidWriting(disk)) await refused('--prompt-cache-dir', disk.path);
  },
);

test('a server that is told to stop under load ends with its engine, and with 0', linux, async () => {
  await using server = await serve([path, ...frugal, '--sliding-window', '256', '--parallel', '2']);
  await answer(server);
  const engine = only(server.engines());
  const some = { ...long, options: { temperature: 0, num_predict: 300 } };
  const ask = (): Promise<string> => postTo(server, '/api/generate', some).then((response) => response.text());
  const load = Promise.all(Array.from({ length: 12 }, () => ask().catch(() => 'cut')));
  await until(async () => (await metric(server, 'requests_pending')) >= 6);
  server.child.kill('SIGTERM');
  assert.equal((await server.ended).code, 0);
  assert.equal(isAlive(engine), false);
  for (const text of await load) assert.match(text, /^cut$|"done":true|"error":/);
});

test('a server that is killed leaves no engine behind', linux, async () => {
  await using server = await serve([path, ...endless]);
  const { rest } = await begun(server, '/api/generate', long);
  const engine = only(server.engines());
  const cut = assert.rejects(rest);
  server.child.kill('SIGKILL');
  await cut;
  await until(() => !isAlive(engine));
  assert.doesNotMatch((await server.ended).stderr, /Error/);
});

test('an unloaded model leaves no process; a context too small for a request grows', linux, async () => {
  const small = ['--memory-budget', '300M', '--threads', '1', '--kernels', 'plain', '--parallel', '1'];
  await using server = await serve([path, ...small, '--kv-home', 'ram']);
  const context = async (): Promise<number> => {
    const { models } = (await (await fetch(`${server.url}/api/ps`)).json()) as { models: { context_length: number }[] };
    return models[0]?.context_length ?? 0;
  };
  const { response } = await answer(server);
  const [engine, chosen] = [only(server.engines()), await context()];
  assert.ok(chosen > 0 && chosen < 6000);
  const larger = { ...short, options: { ...greedy, num_ctx: 6000 } };
  assert.equal((await answer(server, larger)).response, response);
  assert.equal(await context(), 6000);
  const next = only(server.engines());
  assert.ok(next !== engine && !isAlive(engine));
  const tooLarge = await postTo(server, '/api/generate', { ...short, options: { ...greedy, num_ctx: 2 ** 20 } });
  assert.match(await tooLarge.text(), /budget of 300 MiB is too small/);
  await answer(server);
  assert.equal(only(server.engines()), next, 'it stays, and stays larger');
  await postTo(server, '/api/generate', { model, keep_alive: 0 });
  assert.deepEqual([server.engines(), isAlive(next), await context()], [[], false, 0]);
  await answer(server, { ...short, keep_alive: 0.3 });
  await until(() => server.engines().length === 0);
});

test('two models take turns: there is one engine at a time, and nobody is forgotten', linux, async () => {
  using folder = tempFolder();
  for (const name of ['first', 'second']) copyFileSync(path, folder.file(`${name}.gguf`));
  await using server = await serve(['--models', folder.path, ...modest, '--parallel', '2']);
  let most = 0;
  let watching = true;
  const watch = (async () => {
    for (; watching; await sleep(20)) most = Math.max(most, server.engines().length);
  })();
  const names = ['first', 'first', 'second', 'first', 'second', 'second'];
  const texts = await Promise.all(
    names.map(async (name) => (await answer(server, { ...short, model: name })).response),
  );
  watching = false;
  await watch;
  assert.deepEqual([new Set(texts).size, most], [1, 1]);
  await answer(server, { ...short, model: 'second' });
  const { models } = (await (await fetch(`${server.url}/api/ps`)).json()) as { models: { name: string }[] };
  assert.deepEqual(
    models.map(({ name }) => name),
    ['second:latest'],
  );
});
