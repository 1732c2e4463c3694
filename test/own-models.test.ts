import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { writeChatModel } from './support/chat-model.ts';
import { run, runJson } from './support/cli.ts';
import { serve } from './support/server.ts';
import { sharedFolder } from './support/temp-folder.ts';

const home = sharedFolder();
const models = sharedFolder();
const file = writeChatModel(home.file('plain.gguf'));
const env = { HOME: home.path, XDG_CACHE_HOME: home.file('cache'), SSD_LLM_MODELS: models.path };
const frugal = ['-m', '300M', '-c', '512', '-t', '1', '--kernels', 'plain'];

test('a model is made by a Modelfile, shown, copied, answers with what comes with it, and goes', async () => {
  const text =
    'FROM ./plain.gguf\nSYSTEM Speak of plums.\nPARAMETER temperature 0\nPARAMETER num_predict 5\nLICENSE MIT\n';
  writeFileSync(home.file('Modelfile'), text);
  const bytes = readFileSync(file);
  assert.match((await run(['create', 'plum', '-f', home.file('Modelfile')], { env })).stderr, /made plum/);
  await run(['cp', 'plum', 'me/plum:2'], { env });
  const { stdout } = await run(['show', 'me/plum:2'], { env });
  assert.match(
    stdout,
    /^ {2}Model\n {4}architecture +llama\n[\s\S]*temperature +0\n[\s\S]* {2}System\n {4}Speak of plums\./,
  );
  const named = await runJson(['run', 'me/plum:2', 'Hi', ...frugal], { env });
  const byHand = ['--system', 'Speak of plums.', '--temperature', '0', '-n', '5'];
  const plain = await runJson(['run', file, '-p', 'Hi', ...byHand, ...frugal], { env });
  assert.deepEqual([named.prompt_tokens, named.text], [plain.prompt_tokens, plain.text]);
  const begun = models.file('.store/unfinished/plum');
  mkdirSync(begun, { recursive: true });
  writeFileSync(join(begun, 'name'), 'hf.co/me/plum:q8_0');
  writeFileSync(join(begun, 'model.gguf'), 'a begin');
  await run(['rm', 'plum', 'me/plum:2'], { env });
  assert.deepEqual(readdirSync(begun).sort(), ['model.gguf', 'name'], 'another model, on its way');
  rmSync(begun, { recursive: true });
  const own = writeChatModel(models.file('own.gguf'));
  assert.match((await run(['cp', 'own', 'own'], { env })).stderr, /own:latest has this name already/);
  rmSync(own);
  const none = await run(['list'], { env });
  assert.match(none.stderr, /NO_MODELS/);
  assert.deepEqual(readFileSync(file), bytes);
});

test('a server that began with no model answers by one that a client has made', async () => {
  await using server = await serve(frugal, { env });
  const ask = (path: string, body: unknown, method: string = 'POST'): Promise<Response> =>
    fetch(`${server.url}/api/${path}`, { method, body: JSON.stringify(body) });
  assert.deepEqual(await (await fetch(`${server.url}/api/tags`)).json(), { models: [] });
  await run(['create', 'plum', '-f', '-'], { env, input: `FROM ${file}\nPARAMETER num_predict 3\n` });
  assert.equal((await ask('create', { model: 'pear', from: 'plum', system: 'Speak of pears.' })).status, 200);
  const chat = { model: 'pear', messages: [{ role: 'user', content: 'Hi' }], stream: false };
  const answer = (await (await ask('chat', chat)).json()) as { eval_count: number };
  assert.equal(answer.eval_count, 3);
  assert.equal((await ask('delete', { model: 'pear' }, 'DELETE')).status, 200);
  assert.equal((await ask('chat', chat)).status, 404);
  await ask('delete', { model: 'plum' }, 'DELETE');
});
