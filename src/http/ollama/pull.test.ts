import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import test from 'node:test';
import { deferred } from '../../../test/support/deferred.ts';
import { FakeBackend } from '../../../test/support/fake-backend.ts';
import { ModelHost } from '../../../test/support/model-host.ts';
import { served } from '../../../test/support/served.ts';
import { smallBytes } from '../../../test/support/small-model.ts';
import { tempFolder } from '../../../test/support/temp-folder.ts';
import { OwnStore } from '../../stores/own-store.ts';

const [bytes] = smallBytes();

interface Pulling {
  readonly backend?: FakeBackend;
  readonly hub?: string;
}

const pulling = async (body: object, { backend, hub = 'http://127.0.0.1:1' }: Pulling = {}): Promise<Response> =>
  served({ web: { hub, pause: 1 } }, backend).app.request('/api/pull', { method: 'POST', body: JSON.stringify(body) });

const linesOf = async (response: Response): Promise<readonly Record<string, unknown>[]> =>
  (await response.text())
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

test('a model that is there is a success, without a download', async () => {
  const lines = await linesOf(await pulling({ model: 'tiny:q4_1' }));
  assert.deepEqual(lines, [{ status: 'pulling manifest' }, { status: 'success' }]);
  const whole = await pulling({ name: 'tiny:q4_1', stream: false });
  assert.equal(whole.headers.get('content-type'), 'application/json');
  assert.deepEqual(await whole.json(), { status: 'success' });
});

test("a download is told in the lines that Ollama's clients know, up to its last byte", async () => {
  using folder = tempFolder();
  await using host = await ModelHost.start();
  const { model } = host.addModel('library/tiny', '1b', { model: bytes, system: 'Be short.' });
  const backend = new FakeBackend();
  backend.ownStore = new OwnStore(folder.path);
  const lines = await linesOf(await pulling({ model: `${host.host}/library/tiny:1b` }, { backend }));
  const short = model?.slice('sha256:'.length).slice(0, 12);
  const statuses = [...new Set(lines.map(({ status }) => status))];
  assert.deepEqual(statuses, [
    'pulling manifest',
    `pulling ${short}`,
    'verifying sha256 digest',
    'writing manifest',
    'success',
  ]);
  const ofBytes = lines.filter(({ digest }) => digest !== undefined);
  assert.ok(ofBytes.every(({ digest, total }) => digest === model && total === bytes.length));
  assert.equal(ofBytes.at(-1)?.['completed'], bytes.length);
  assert.ok(backend.ownStore.read(`${host.host}/library/tiny:1b`));
});

test('a failure is an error line once lines have been sent, and a status where none has', async () => {
  using folder = tempFolder();
  await using host = await ModelHost.start();
  const backend = new FakeBackend();
  backend.ownStore = new OwnStore(folder.path);
  const model = `${host.host}/library/tony`;
  const streamed = await pulling({ model }, { backend });
  assert.equal(streamed.status, 200);
  const [first, last] = await linesOf(streamed);
  assert.deepEqual(first, { status: 'pulling manifest' });
  assert.match(String(last?.['error']), /has no .*tony:latest/);
  assert.equal((await pulling({ model, stream: false }, { backend })).status, 404);
  assert.equal((await pulling({ model: '../x' }, { backend })).status, 400);
  assert.equal((await pulling({}, { backend })).status, 400);
  const gone = await pulling({ model: 'hf.co/org/x-GGUF', stream: false }, { backend });
  assert.equal(gone.status, 500);
  assert.match(((await gone.json()) as { error: string }).error, /127\.0\.0\.1:1 cannot be reached/);
});

test('a server of named models pulls none', async () => {
  const response = await pulling({ model: 'other' });
  assert.equal(response.status, 400);
});

test('a client that leaves ends its download, which is left to go on', async () => {
  using folder = tempFolder();
  await using host = await ModelHost.start();
  host.addModel('library/tiny', 'latest', { model: bytes });
  const gate = deferred();
  host.faults.gate = gate.promise;
  const backend = new FakeBackend();
  backend.ownStore = new OwnStore(folder.path);
  const response = await pulling({ model: `${host.host}/library/tiny` }, { backend });
  const reader = response.body?.getReader() ?? assert.fail();
  await reader.read();
  await host.waiting;
  await reader.cancel();
  gate.resolve();
  const { unfinished } = backend.ownStore;
  const [kept = ''] = existsSync(unfinished) ? readdirSync(unfinished) : [];
  const isLocked = (): boolean => readdirSync(`${unfinished}/${kept}`).some((name) => name.endsWith('.lock'));
  while (isLocked()) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(backend.ownStore.read(`${host.host}/library/tiny`), undefined);
});
