import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { Hono } from 'hono';
import { attemptCli } from './support/attempt-cli.ts';
import { writeChatModel, writeLoopingModel } from './support/chat-model.ts';
import { run } from './support/cli.ts';
import { metric, modest, serve } from './support/server.ts';
import { serving } from './support/serving.ts';
import { writeSmall } from './support/small-model.ts';
import { asked, Teller } from './support/teller.ts';
import { sharedFolder, tempFolder } from './support/temp-folder.ts';

const own = sharedFolder();
const model = writeChatModel(own.file('chat.gguf'));
const name = 'chat:latest';
/** Nobody's settings are read by accident. */
const home = sharedFolder();
const env = {
  HOME: home.path,
  XDG_CACHE_HOME: home.path,
  XDG_DATA_HOME: home.path,
  XDG_CONFIG_HOME: home.path,
  APPDATA: home.path,
  SSD_LLM_HOST: '127.0.0.1',
  SSD_LLM_PORT: '0',
};
Object.assign(process.env, env);
const frugal = ['--memory-budget', '300M', '--ctx', '512', '--parallel', '1', '--threads', '1', '--kernels', 'plain'];

/** The lines of a server's stderr that is no terminal: entries of its log, and nothing else. */
const entriesOf = (stderr: string): readonly Record<string, unknown>[] =>
  stderr
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

const generate = (url: string, body: object, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${url}/api/generate`, { method: 'POST', headers, body: JSON.stringify({ model: name, ...body }) });

test('a server says where it is, what the models take and how to ask; it answers, is listed, and stops when told to', async () => {
  await using server = await serve([model, ...frugal, '--log-format', 'text']);
  assert.match(server.said(), /^ {2}chat:latest {2}memory budget 300 MiB; [\d.]+ KiB of weights.*512 tokens each$/m);
  const [, address = '', body = ''] = /^ {2}try: curl (\S+) \\\n +-d '(.*)'$/m.exec(server.said()) ?? [];
  const wanted = { ...JSON.parse(body), stream: false, options: { num_predict: 8, temperature: 0 } };
  const answer = await fetch(address, { method: 'POST', body: JSON.stringify(wanted) });
  await using teller = new Teller(model);
  const expected = await teller.text(asked(wanted.prompt), { maxTokens: 8 });
  assert.equal(((await answer.json()) as { response: string }).response, expected);

  const ps = await run(['ps', '--port', server.port], { env });
  assert.match(
    ps.stdout,
    /^NAME +SIZE +PROCESSOR +CONTEXT +UNTIL\nchat:latest +[\d.]+ MiB +CPU +512 +in \d minutes\n$/,
  );
  const json = await run(['ps', '--host', `localhost:${server.port}`, '--json'], { env });
  assert.deepEqual(
    (JSON.parse(json.stdout) as { name: string }[]).map((one) => one.name),
    [name],
  );

  const another = await run(['serve', model, ...frugal, '--port', server.port], { env });
  assert.equal(another.code, 1);
  assert.equal(entriesOf(another.stderr).length, 1);
  assert.match(another.stderr, /port \d+ of 127\.0\.0\.1 is in use .*--port \[PORT_IN_USE\]/);

  server.child.kill('SIGTERM');
  const { code, stdout, stderr } = await server.ended;
  assert.deepEqual([code, stdout], [0, '']);
  assert.match(stderr, /^[\d:]{8} {2}stopping;.*$/m);
  assert.doesNotMatch(stderr, /^\{/m);
});

test('told to stop in the middle of an answer, it lets that end; told twice, it cuts it', async () => {
  await using patient = await serve([model, ...frugal]);
  const whole = await generate(patient.url, { prompt: 'Count.', options: { num_predict: 40 } });
  patient.child.kill('SIGTERM');
  assert.match(await whole.text(), /"done":true/);
  assert.equal((await patient.ended).code, 0);

  await using hasty = await serve([model, ...frugal, '--ctx', '1048576', '--sliding-window', '256']);
  const cut = await generate(hasty.url, { prompt: 'Count.', raw: true, options: { num_predict: 1e6, temperature: 0 } });
  hasty.child.kill('SIGINT');
  while (!hasty.said().includes('stopping')) await once(hasty.child.stderr ?? hasty.child, 'data');
  hasty.child.kill('SIGINT');
  await assert.rejects(cut.text());
  assert.equal((await hasty.ended).code, 0);
});

test('the smallest budget that it names is one that it serves under', async () => {
  const long = own.file('long.gguf');
  writeChatModel(long, { context: 2 ** 16 });
  const options = ['--ctx', '65536', '--parallel', '1', '--prompt-cache', '0', '--threads', '1', '--kv-home', 'ram'];
  const least = async (...args: readonly string[]): Promise<number> => {
    const refused = await run(['serve', long, ...options, ...args, '-m', '20M'], { env });
    assert.equal(refused.code, 1);
    assert.doesNotMatch(refused.stderr, /listens/);
    return Number(/needs at least (\d+) MiB .*\[BUDGET_TOO_SMALL\]/.exec(refused.stderr)?.[1]);
  };
  const quantized = ['--kv-type', 'q8_0'];
  const needed = await least(...quantized);
  // Keys and values of 32 MiB take 17 MiB.
  assert.ok(needed <= (await least()) - 10);
  await using server = await serve([long, ...options, ...quantized, '-m', `${needed + 2}M`]);
  const answer = await generate(server.url, {
    model: 'long',
    prompt: 'Hi',
    stream: false,
    options: { num_predict: 4 },
  });
  assert.equal(answer.status, 200, await answer.text());
});

test('it drafts ahead if it is told to: as many tokens as are wanted, or as pay', async () => {
  const looping = own.file('looping.gguf');
  writeLoopingModel(looping);
  const request = { model: 'looping', prompt: 'Go on.', raw: true, stream: false };
  const tokens = 60;
  await using teller = new Teller(looping);
  const expected = await teller.text('Go on.', { maxTokens: tokens });
  const serving = async (
    args: readonly string[],
    environment: Record<string, string> = {},
  ): Promise<{ drafted: number; accepted: number; passes: number }> => {
    await using server = await serve([looping, ...modest, '--parallel', '1', ...args], { env: environment });
    const options = { num_predict: tokens, temperature: 0 };
    const { response } = (await (await generate(server.url, { ...request, options })).json()) as { response: string };
    const [drafted = 0, accepted = 0, passes = 0] = await Promise.all(
      ['tokens_drafted_total', 'tokens_accepted_total', 'passes_total'].map((name) => metric(server, name)),
    );
    // The first token comes of the prompt, which takes one pass.
    assert.deepEqual([response, passes + accepted], [expected, tokens]);
    return { drafted, accepted, passes };
  };
  const plain = await serving([]);
  assert.deepEqual([plain.drafted, plain.accepted], [0, 0]);
  const eager = await serving(['--draft-ngram', '--no-adaptive-draft']);
  assert.ok(eager.accepted > 0 && eager.accepted <= eager.drafted, `${eager.accepted} of ${eager.drafted}`);
  // The number of draft tokens that pay depends on the time of passes.
  await serving(['--adaptive-draft'], { SSD_LLM_DRAFT_NGRAM: '1', SSD_LLM_ADAPTIVE_DRAFT: '0' });
  // The best draft model for a model is itself.
  const { drafted, accepted, passes } = await serving([
    ...['--draft-model', looping, '--draft-ahead', '3', '--no-adaptive-draft'],
  ]);
  assert.ok(drafted === accepted && drafted <= 3 * passes && accepted > passes, `${drafted} in ${passes} passes`);
});

test('the models of a folder are served when they are asked for; what is none is left out', async () => {
  using folder = tempFolder();
  mkdirSync(folder.file('inner'));
  copyFileSync(model, folder.file('inner/chat.gguf'));
  writeFileSync(folder.file('broken.gguf'), 'broken');
  const config = folder.file('config.toml');
  writeFileSync(config, 'models = "."\napi-key = "secret"\nmemory-budget = "300M"\nctx = 512\nthreads = 1');
  await using server = await serve(['--config', config]);
  const [left, begun] = entriesOf(server.said());
  assert.match(`${left?.['msg']}`, /broken\.gguf is left out: .* is not a GGUF file/);
  assert.deepEqual([begun?.['url'], begun?.['keyed'], begun?.['models']], [server.url, true, [{ name }]]);
  const request = { prompt: 'Hi', stream: false, options: { num_predict: 1 } };
  assert.equal((await generate(server.url, request)).status, 401);
  assert.equal((await generate(server.url, request, { authorization: 'Bearer secret' })).status, 200);

  const without = await run(['ps', '--port', server.port], { env });
  assert.equal(without.code, 1);
  assert.match(without.stderr, /--api-key/);
  const { stdout } = await run(['ps', '--port', server.port, '--config', config], { env });
  assert.match(stdout, /chat:latest/);
  server.child.kill('SIGTERM');
  entriesOf((await server.ended).stderr);
});

test('where stderr is no terminal, a wrong option of serve is told in JSON as well', async () => {
  const { code, stderr } = await run(['serve', '--nonsense'], { env });
  assert.equal(code, 2);
  assert.match(`${entriesOf(stderr)[0]?.['msg']}`, /unknown option '--nonsense'/);
});

test('without a model, or with settings that are not valid, it says what to do', async () => {
  using folder = tempFolder();
  for (const [args, code, message] of [
    [['--models', folder.file('gone')], 3, /there is no folder .*gone; .*--models \[NO_MODELS\]/],
    [[folder.file('gone.gguf')], 3, /\[MODEL_NOT_FOUND\]/],
    [[model, '--keep-alive', 'soon'], 2, /--keep-alive "soon" is not valid/],
    [[model, '--draft-model', folder.file('gone.gguf')], 3, /gone\.gguf.*\[MODEL_NOT_FOUND\]/],
    [[model, '--config', folder.file('gone.toml')], 1, /gone\.toml cannot be read/],
    [[model, '--host', '192.0.2.1', ...frugal], 2, /--host and --port 192\.0\.2\.1/],
  ] as const) {
    const refused = await attemptCli('serve', ...args);
    assert.equal(refused.code, code, refused.stderr);
    assert.match(refused.stderr, message);
  }
});

test('models are listed for people and for programs', async () => {
  using folder = tempFolder();
  writeSmall(folder.file('Tiny-F32.gguf'));
  writeSmall(folder.file('big.gguf'), { gigabytes: 3, split: 2 });
  const text = await run(['list', '--models', folder.path], { env });
  assert.match(
    text.stdout,
    /^NAME +SIZE +TAKES +TOKENS\/S +WHERE\nbig:latest +3 GiB +\S.*big-00001-of-00002\.gguf\ntiny:f32 +[\d.]+ KiB +\S.*Tiny-F32\.gguf\n$/,
  );
  const json = await run(['list', '--json'], { env: { ...env, OLLAMA_MODELS: folder.path } });
  const [big, tiny] = JSON.parse(json.stdout) as { name: string; parameters: string; files: string[] }[];
  assert.deepEqual([big?.name, big?.parameters, big?.files.length], ['big:latest', '805M', 2]);
  assert.deepEqual([tiny?.name, tiny?.parameters], ['tiny:f32', '3K']);
  const none = await run(['list'], { env });
  assert.equal(none.code, 3);
});

test('where no server is, ps says how to start one', async () => {
  const { code, stderr } = await run(['ps', '--port', '1'], { env });
  assert.equal(code, 1);
  assert.match(stderr, /no server answers at http:\/\/127\.0\.0\.1:1 .*"ssd-llm serve".*\[SERVER_UNREACHABLE\]/);
});

test('ps says whether a GPU computes, and how much of a model', async () => {
  const gpus = [0, 1, 25, 100].map((size_vram, i) => {
    return { name: `m${i}`, size: 100, size_vram, context_length: 8, expires_at: '2030-01-01T00:00:00.000Z' };
  });
  await using server = await serving(new Hono().get('/api/ps', (c) => c.json({ models: gpus })));
  const { stdout } = await run(['ps', '--port', `${server.address.port}`], { env });
  const processors = stdout.split('\n').map((line) => /B {2,}(\S+(?: GPU)?) {2,}8 /.exec(line)?.[1]);
  assert.deepEqual(processors.slice(1, -1), ['CPU', '1% GPU', '25% GPU', 'GPU']);
});
