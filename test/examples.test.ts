import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import test from 'node:test';
import { promisify } from 'node:util';
import './support/built.ts';
import { writeChatModel } from './support/chat-model.ts';
import { smollm2 } from './support/smollm2.ts';
import { sharedPath, tempFolder } from './support/temp-folder.ts';

const example = promisify(execFile);

/** An example of the library with what it prints, run as it is by Node alone. */
const libraryExamples: Readonly<Record<string, RegExp>> = {
  chat: /^(?:.+\n\(\d+ tokens were there, [\d.]+ tokens\/s\)\n){2}$/s,
  tools: /^weather: (?:Oslo|Rome)\n.*\n$/s,
  embeddings: /^(?:-?[\d.]+ (?:a plum|a pear|the price of steel)\n){3}$/,
  plan: /^[^\n]*budget[^\n]*\n(?:\d+ MiB: \d+ MiB of weights stay, each token reads \d+ MiB\n)+$/,
  together: /^(?:Name a fruit that is \w+\. .*\n)+$/s,
};

test('the examples of the library are those that are tried, and each does what it says, by Node alone', async () => {
  const names = readdirSync('examples').filter((name) => name.endsWith('.mjs'));
  assert.deepEqual(
    names.sort(),
    Object.keys(libraryExamples)
      .map((name) => `${name}.mjs`)
      .sort(),
  );
  const model = writeChatModel(sharedPath('model.gguf'));
  const printed = names.map((name) => example(process.execPath, [`examples/${name}`, model]));
  for (const [i, { stdout }] of (await Promise.all(printed)).entries()) {
    const name = names[i]?.replace('.mjs', '') ?? '';
    assert.match(stdout, libraryExamples[name] ?? /^$/, name);
  }
});

test('the demo runs the model it is given, and says on stderr what was resident, what streamed and how fast', async () => {
  const env = { ...process.env, SSD_LLM_MODEL: await smollm2(), SSD_LLM_THREADS: '1' };
  const { stdout, stderr } = await example(process.execPath, ['--import', 'tsx', 'examples/demo.ts', 'Say hello.'], {
    env,
  });
  assert.match(stdout, /^.+\n$/s);
  assert.match(stderr, /[\d.]+ MiB resident, [\d.]+ MiB streamed for each token/);
  assert.match(stderr, /streamed [\d.]+ MiB per token at [\d.]+ [MG]iB\/s/);
});

test('the demo says what to do where the model cannot be had, and fails', async () => {
  using folder = tempFolder();
  const env = { ...process.env, XDG_CACHE_HOME: folder.path, LOCALAPPDATA: folder.path, PATH: folder.path };
  Reflect.deleteProperty(env, 'SSD_LLM_MODEL');
  const noNetwork = 'globalThis.fetch = () => Promise.reject(new Error("offline"))';
  const offline = {
    ...env,
    HOME: folder.path,
    NODE_OPTIONS: `--import "data:text/javascript,${encodeURI(noNetwork)}"`,
  };
  const demo = example(process.execPath, ['--import', 'tsx', 'examples/demo.ts'], { env: offline, timeout: 60_000 });
  await assert.rejects(demo, (error: { code: number; stderr: string }) => {
    assert.equal(error.code, 1);
    assert.match(error.stderr, /SSD_LLM_MODEL/);
    assert.doesNotMatch(error.stderr, /^\s+at /m);
    return true;
  });
});
