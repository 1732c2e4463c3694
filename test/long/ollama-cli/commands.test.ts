import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import test from 'node:test';
import { type Server, serve } from '../../support/server.ts';
import { smollm2 } from '../../support/smollm2.ts';
import { tempFolder } from '../../support/temp-folder.ts';

/** Ollama's program, which is found by its name unless a variable names it. */
const program = process.env['OLLAMA_CLI'] || 'ollama';
const there = spawnSync(program, ['--version']).status === 0;
const skip = there ? false : `there is no ${program} (OLLAMA_CLI names one)`;
const frugal = ['-m', '400M', '-c', '1024', '--kernels', 'plain'];

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command of Ollama's against a server, without a terminal. */
async function ollama(server: Server, home: string, args: readonly string[]): Promise<Ended> {
  const env = { ...process.env, OLLAMA_HOST: server.url, HOME: home };
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
  const [out, err]: [string[], string[]] = [[], []];
  child.stdout.setEncoding('utf8').on('data', (text: string) => out.push(text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => err.push(text));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout: out.join(''), stderr: err.join('') };
}

test("a model goes its way through Ollama's commands", { skip }, async (t) => {
  using home = tempFolder();
  using models = tempFolder();
  const file = await smollm2();
  const env = { HOME: home.path, XDG_CACHE_HOME: home.file('cache'), SSD_LLM_MODELS: models.path };
  await using server = await serve(frugal, { env });
  const run = (...args: readonly string[]): Promise<Ended> => ollama(server, home.path, args);
  const done = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await run(...args);
    assert.equal(code, 0, `${args.join(' ')}: ${stderr}`);
    return stdout;
  };
  await t.test('list is empty first', async () => {
    assert.match(await done('list'), /^NAME +ID +SIZE +MODIFIED\s*$/);
  });
  await t.test('create sends the file and makes a model of it', async () => {
    const modelfile = [
      `FROM ${file}`,
      'PARAMETER temperature 0',
      'PARAMETER num_predict 8',
      'PARAMETER stop "<|im_end|>"',
      'SYSTEM You are a gardener.',
      'LICENSE MIT',
      'MESSAGE user Hi',
      'MESSAGE assistant Hello!',
    ].join('\n');
    writeFileSync(home.file('Modelfile'), modelfile);
    await done('create', 'gardener', '-f', home.file('Modelfile'));
    assert.match(await done('list'), /gardener:latest +[0-9a-f]{12} +\d+ MB/);
  });
  await t.test('create takes a model that is there', async () => {
    writeFileSync(home.file('Second'), 'FROM gardener\nSYSTEM """You are a\n"baker"."""');
    await done('create', 'me/baker:1', '-f', home.file('Second'));
    assert.match(await done('show', 'me/baker:1', '--system'), /You are a\n"baker"\./);
  });
  await t.test('show tells all', async () => {
    const shown = await done('show', 'gardener');
    for (const pattern of [
      /architecture +llama/,
      /parameters +13\d/,
      /context length +\d+/,
      /quantization +Q4_1/,
      /completion/,
      /temperature +0/,
      /num_predict +8/,
      /stop +"<\|im_end\|>"/,
      /You are a gardener\./,
      /MIT/,
    ]) {
      assert.match(shown, pattern);
    }
    assert.match(await done('show', 'gardener', '--modelfile'), /^FROM gardener:latest$/m);
    assert.match(await done('show', 'gardener', '--parameters'), /num_predict +8/);
    assert.match(await done('show', 'gardener', '--template'), /im_start/);
    assert.match(await done('show', 'gardener', '--license'), /MIT/);
    await done('show', 'gardener', '--verbose');
  });
  await t.test('cp gives a second name', async () => {
    assert.match(await done('cp', 'gardener', 'copied'), /copied 'gardener' to 'copied'/);
    assert.match(await done('list'), /copied:latest/);
  });
  await t.test('pull of a model that is there is a success', async () => {
    await done('pull', 'gardener');
  });
  await t.test('run answers, ps shows it, stop ends it', async () => {
    assert.notEqual((await done('run', 'gardener', 'Name a flower.')).trim(), '');
    assert.match(await done('ps'), /gardener:latest/);
    await done('stop', 'gardener');
    assert.doesNotMatch(await done('ps'), /gardener/);
  });
  await t.test('rm removes it, and what nobody else names', async () => {
    for (const name of ['gardener', 'copied', 'me/baker:1']) assert.match(await done('rm', name), /deleted/);
    assert.match(await done('list'), /^NAME +ID +SIZE +MODIFIED\s*$/);
  });
  await t.test('a model that is not there is an error', async () => {
    for (const args of [
      ['show', 'nobody'],
      ['rm', 'nobody'],
      ['cp', 'nobody', 'a'],
    ]) {
      const { code, stderr } = await run(...args);
      assert.equal(code, 1, stderr);
      assert.match(stderr, /not found/);
    }
  });
});
