import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { FakeBackend, FakeLog } from '../../../test/support/fake-backend.ts';
import { writeSmall } from '../../../test/support/small-model.ts';
import { asOllama, snapshotOf } from '../../../test/support/stores.ts';
import { tempFolder } from '../../../test/support/temp-folder.ts';
import { textLayer } from '../../stores/manifest.ts';
import { OwnStore } from '../../stores/own-store.ts';
import { nameUnfinished } from '../../stores/unfinished-models.ts';
import { ollamaRoutes } from './routes.ts';

const folder = tempFolder();
writeSmall(folder.file('small.gguf'));
const bytes = readFileSync(folder.file('small.gguf'));
const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
folder[Symbol.dispose]();

/** The routes over a store of their own. */
function routes(path: string): { ask: (path: string, init?: RequestInit) => Promise<Response>; store: OwnStore } {
  const backend = new FakeBackend();
  const store = new OwnStore(path);
  backend.ownStore = store;
  const app = ollamaRoutes(backend, new FakeLog());
  return { store, ask: async (path, init) => app.request(path, init) };
}

const post = (body: unknown): RequestInit => ({ method: 'POST', body: JSON.stringify(body) });
const upload = { method: 'POST', body: bytes };
const errorOf = async (response: Response): Promise<string> => ((await response.json()) as { error: string }).error;

test('a blob is taken once, and only with the sum that it is called by', async () => {
  using folder = tempFolder();
  const { ask, store } = routes(folder.path);
  const path = `/api/blobs/${digest}`;
  assert.equal((await ask(path, { method: 'HEAD' })).status, 404);
  assert.equal((await ask(path, upload)).status, 201);
  assert.equal((await ask(path, upload)).status, 200);
  assert.equal((await ask(path, { method: 'HEAD' })).status, 200);
  assert.deepEqual(readFileSync(store.blobPath(digest)), bytes);
  const other = await ask(`/api/blobs/sha256:${'0'.repeat(64)}`, upload);
  assert.equal(other.status, 400);
  assert.match(await errorOf(other), new RegExp(digest));
  for (const bad of ['sha256:0', 'md5:0', '..%2f..%2fx'])
    assert.equal((await ask(`/api/blobs/${bad}`, upload)).status, 400);
});

test('a model is made of blobs and fields, line by line', async () => {
  using folder = tempFolder();
  const { ask, store } = routes(folder.path);
  await ask(`/api/blobs/${digest}`, upload);
  const files = { 'small.gguf': digest };
  const body = {
    model: 'mario',
    files,
    system: 'You are Mario.',
    parameters: { temperature: 1, num_gpu: 9 },
    license: 'MIT',
  };
  const made = await ask('/api/create', post(body));
  assert.equal(made.headers.get('content-type'), 'application/x-ndjson');
  const lines = (await made.text())
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { status: string });
  assert.equal(lines.at(-1)?.status, 'success');
  const quiet = await ask('/api/create', post({ name: 'luigi', files, stream: false }));
  assert.deepEqual(await quiet.json(), { status: 'success' });
  const [luigi, mario] = store.models((path) => assert.fail(path));
  assert.deepEqual([luigi?.name, mario?.name], ['luigi:latest', 'mario:latest']);
  assert.deepEqual(
    [mario?.preset?.system, mario?.preset?.parameters, mario?.preset?.license],
    ['You are Mario.', { temperature: 1, num_gpu: 9 }, 'MIT'],
  );
});

test('what cannot be made is refused, and named', async () => {
  using folder = tempFolder();
  const { ask, store } = routes(folder.path);
  const { digest: text } = textLayer('system', 'no model');
  await store.addBlob(
    text,
    (async function* () {
      yield Buffer.from('no model');
    })(),
  );
  for (const [body, status, message] of [
    [{ model: 'm' }, 400, /from.*files/],
    [{ from: 'tiny' }, 400, /model is required/],
    [{ model: '../m', files: { a: text } }, 400, /name/],
    [{ model: 'm', from: 'nobody' }, 404, /'nobody' not found/],
    [{ model: 'm', from: '/etc/passwd' }, 404, /not found/],
    [{ model: 'm', files: { a: 'sha256:0' } }, 400, /files/],
    [{ model: 'm', files: { a: digest } }, 400, /is not there: send it to \/api\/blobs/],
    [{ model: 'm', files: { a: text } }, 400, /not a GGUF file/],
    [{ model: 'm', files: { a: text, b: text } }, 400, /all parts/],
    [{ model: 'm', from: 'tiny', quantize: 'q4_0' }, 400, /quantize is not supported: take a file/],
    [{ model: 'm', modelfile: 'FROM a' }, 400, /modelfile is not supported/],
    [
      { model: 'm', from: 'tiny', parameters: { temperature: 'hot' } },
      400,
      /parameters\.temperature: expected a number/,
    ],
    [{ model: 'm', from: 'tiny', messages: [{}] }, 400, /messages\[0\]\.role/],
  ] as const) {
    const refused = await ask('/api/create', post(body));
    assert.equal(refused.status, status, JSON.stringify(body));
    assert.match(await errorOf(refused), message);
  }
  assert.deepEqual(
    store.models((path) => assert.fail(path)),
    [],
  );
});

test('a copy shares what the model consists of', async () => {
  using folder = tempFolder();
  const { ask, store } = routes(folder.path);
  await ask(`/api/blobs/${digest}`, upload);
  await ask('/api/create', post({ model: 'tiny:q4_1', files: { a: digest }, system: 'x' }));
  const copied = await ask('/api/copy', post({ source: 'tiny:q4_1', destination: 'other' }));
  assert.deepEqual([copied.status, await copied.text()], [200, '']);
  assert.deepEqual(store.read('other'), store.read('tiny:q4_1'));
  assert.equal((await ask('/api/copy', post({ source: 'gone', destination: 'other' }))).status, 404);
  assert.equal((await ask('/api/copy', post({ source: 'tiny:q4_1' }))).status, 400);
});

test('a model that gets its own name stays as it is', async () => {
  using folder = tempFolder();
  const { ask, store } = routes(folder.path);
  for (const destination of ['tiny:q4_1', 'registry.ollama.ai/library/Tiny:q4_1']) {
    const copied = await ask('/api/copy', post({ source: 'tiny:q4_1', destination }));
    assert.deepEqual([copied.status, store.read('tiny:q4_1')], [200, undefined]);
  }
  assert.equal((await ask('/api/copy', post({ source: 'Tiny:Q4_1', destination: 'tiny:q4_1' }))).status, 200);
});

test('a server of models that were named takes no others', async () => {
  const app = ollamaRoutes(new FakeBackend(), new FakeLog());
  const refused = await app.request(`/api/blobs/${digest}`, upload);
  assert.match(await errorOf(refused), /serves the models that it was started with/);
});

test("a blob of Ollama's store need not be sent, and stays there", async () => {
  using folder = tempFolder();
  using theirs = tempFolder();
  asOllama(theirs.path, ['registry.ollama.ai', 'library', 'pocket', '135m'], { model: bytes });
  const before = snapshotOf(theirs.path);
  const backend = new FakeBackend();
  const store = new OwnStore(folder.path, [theirs.path]);
  backend.ownStore = store;
  const app = ollamaRoutes(backend, new FakeLog());
  assert.equal((await app.request(`/api/blobs/${digest}`, { method: 'HEAD' })).status, 200);
  assert.equal((await app.request(`/api/blobs/${digest}`, upload)).status, 200);
  assert.equal((await app.request('/api/create', post({ model: 'mine', files: { 'a.gguf': digest } }))).status, 200);
  const [layer] = store.read('mine') ?? [];
  assert.ok(layer?.file?.startsWith(theirs.path));
  assert.deepEqual(snapshotOf(theirs.path), before);
});

test('what has come of a model that was not pulled to its end is deleted by its name', async () => {
  using folder = tempFolder();
  const { ask, store } = routes(folder.path);
  const begun = join(store.unfinished, 'a');
  mkdirSync(begun, { recursive: true });
  nameUnfinished(begun, 'hf.co/org/plum-gguf:q4_k_m', 'hf.co/org/plum-GGUF');
  writeFileSync(join(begun, 'plum.gguf'), 'a begin');
  const remove = (model: string): RequestInit => ({ method: 'DELETE', body: JSON.stringify({ model }) });
  assert.equal((await ask('/api/delete', remove('pear'))).status, 404);
  assert.equal((await ask('/api/delete', remove('hf.co/org/plum-GGUF:Q4_K_M'))).status, 200);
  assert.equal(existsSync(begun), false);
  assert.equal((await ask('/api/delete', remove('hf.co/org/plum-GGUF:Q4_K_M'))).status, 404);
});
