import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { writeChatModel } from '../../support/chat-model.ts';
import { type Ended, run, runJson, start } from '../../support/cli.ts';
import { deferred } from '../../support/deferred.ts';
import { ModelHost } from '../../support/model-host.ts';
import { withoutPty } from '../../support/pty.ts';
import { type TempFolder, tempFolder } from '../../support/temp-folder.ts';

/** Larger than what is read for its header, so that ranges follow. */
const model = bytesOfModel();
const name = 'hf.co/org/tiny-gguf:q4_k_m';

function bytesOfModel(): Buffer {
  using folder = tempFolder();
  return readFileSync(writeChatModel(folder.file('m.gguf'), { feedForward: 4096 }));
}

/** Resolves when a reply waits for the gate; fails if the command ends before. */
const held = ({ host }: Trial, ended: Promise<Ended>): Promise<unknown> =>
  Promise.race([host.waiting, ended.then(({ stderr }) => assert.fail(stderr))]);

interface Trial extends AsyncDisposable {
  readonly host: ModelHost;
  readonly home: TempFolder;
  readonly env: Readonly<Record<string, string>>;
  ask(...args: readonly string[]): Promise<Ended>;
}

/** A user with a home of his own, and a server in place of Hugging Face. */
async function trial(): Promise<Trial> {
  const home = tempFolder();
  const host = await ModelHost.start();
  host.addRepository('org/Tiny-GGUF', { 'tiny-Q4_K_M.gguf': model });
  const env = {
    HOME: home.path,
    XDG_DATA_HOME: home.file('data'),
    XDG_CACHE_HOME: home.file('cache'),
    HF_ENDPOINT: host.url,
  };
  return {
    host,
    home,
    env,
    ask: (...args) => run(args, { env }),
    [Symbol.asyncDispose]: async () => {
      await host[Symbol.asyncDispose]();
      home[Symbol.dispose]();
    },
  };
}

test('a model is pulled, listed, found by its other names, and removed', async () => {
  await using t = await trial();
  const pulled = await t.ask('pull', 'org/Tiny-GGUF');
  assert.equal(pulled.code, 0, pulled.stderr);
  assert.match(
    pulled.stdout,
    /to download.*free on the disk[\s\S]*is there: ssd-llm run hf\.co\/org\/tiny-gguf:q4_k_m\n$/,
  );
  const listed = await runJson<{ name: string }[]>(['list'], { env: t.env });
  assert.deepEqual(
    listed.map((one) => one.name),
    [name],
  );
  const again = await t.ask('pull', 'https://huggingface.co/org/Tiny-GGUF');
  assert.match(again.stdout, /is there already/);
  assert.equal((await t.ask('info', 'tiny-Q4_K_M.gguf', '-m', '400M')).code, 0);
  assert.equal((await t.ask('rm', 'TINY')).code, 0);
  assert.deepEqual(readdirSync(t.home.file('data/ssd-llm/models/.store/blobs')), []);
});

test('what a killed pull has left is told, goes on, and can be removed', async () => {
  await using t = await trial();
  const gate = deferred();
  const kill = async (): Promise<void> => {
    Object.assign(t.host.faults, { gate: gate.promise, free: 1 });
    const { child, ended } = start(['pull', 'org/Tiny-GGUF'], { env: t.env });
    await held(t, ended);
    child.kill('SIGKILL');
    await ended;
    Object.assign(t.host.faults, { gate: undefined });
  };
  await kill();
  const listed = await t.ask('list');
  assert.match(listed.stderr, /tiny-gguf:q4_k_m has not come to its end .*"ssd-llm rm /);
  const removed = await t.ask('rm', 'org/tiny-gguf');
  assert.match(removed.stderr, /removed org\/tiny-gguf, as far as it had come/);
  assert.deepEqual(readdirSync(t.home.file('data/ssd-llm/models/.store/unfinished')), []);
  const pulled = await t.ask('pull', 'org/Tiny-GGUF');
  assert.equal(pulled.code, 0, pulled.stderr);
  assert.doesNotMatch((await t.ask('list')).stderr, /has not come/);
  gate.resolve();
});

test('bytes with a wrong sum end the pull with its reason, and are not kept', async () => {
  await using t = await trial();
  t.host.faults.damaged = true;
  const { code, stderr } = await t.ask('pull', 'org/Tiny-GGUF');
  assert.equal(code, 1);
  assert.match(stderr, /its sum is wrong.*\[DOWNLOAD_DAMAGED\]\n$/);
  assert.deepEqual(readdirSync(t.home.file('data/ssd-llm/models/.store/unfinished')), []);
  t.host.faults.damaged = false;
  assert.equal((await t.ask('pull', 'org/Tiny-GGUF')).code, 0);
});

test('Ctrl-C leaves a clean line at a terminal, and says that what came is kept', { skip: withoutPty }, async () => {
  await using t = await trial();
  const gate = deferred();
  Object.assign(t.host.faults, { gate: gate.promise, free: 1 });
  const wrapper = ['sh', '-c', 'exec script -qefc "$(printf " \'%s\'" "$@")" /dev/null', 'sh'];
  const { child, ended } = start(['pull', 'org/Tiny-GGUF'], {
    env: { ...t.env, TERM: 'xterm' },
    wrapper,
    keepInput: true,
  });
  await held(t, ended);
  child.stdin?.write('\u0003');
  const { code, stdout } = await ended;
  assert.equal(code, 130, stdout);
  const lines = stdout.split('\n').filter((line) => line.trim() !== '');
  const shown = lines.at(-1)?.split(/\r|K/).filter(Boolean).at(-1);
  assert.equal(shown, 'what has come is kept: pull it again to go on');
  gate.resolve();
});
