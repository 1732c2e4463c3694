import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import test from 'node:test';
import { promisify } from 'node:util';
import './support/built.ts';
import { smollm2 } from './support/smollm2.ts';
import { tempFolder } from './support/temp-folder.ts';

const example = promisify(execFile);

test('the library example answers in a budget', async () => {
  const { stdout } = await example(process.execPath, ['--import', 'tsx', 'examples/library.ts', await smollm2()]);
  assert.match(stdout, /^.+\n\([\d.]+ tokens\/s, (length|stop)\)\n$/s);
});

test('the demo runs the model it is given, and says on stderr what was resident, what streamed and how fast', async () => {
  const env = { ...process.env, SSD_LLM_MODEL: await smollm2() };
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
