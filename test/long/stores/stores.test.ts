import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFileSync, linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import test from 'node:test';
import { attempt } from '../../../src/base/attempt.ts';
import { run, runJson } from '../../support/cli.ts';
import { smollm2 } from '../../support/smollm2.ts';
import { snapshotOf } from '../../support/stores.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const frugal = ['-m', '300M', '-c', '512', '--kernels', 'plain', '--temperature', '0', '-n', '4'];

/** The same bytes under another path, without a copy where that can be. */
function place(from: string, to: string): string {
  mkdirSync(dirname(to), { recursive: true });
  if (attempt(() => linkSync(from, to) ?? true) === undefined) copyFileSync(from, to);
  return to;
}

test('SmolLM2 in the store of each program is listed, answers by its name, and stays as it is', async () => {
  using home = tempFolder();
  const file = await smollm2();
  const hex = createHash('sha256').update(readFileSync(file)).digest('hex');
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  };
  const stores = ['ollama', 'hub', 'lm', 'jan', 'llama', 'own'].map((name) => home.file(name));
  const [ollama = '', hub = '', lm = '', jan = '', llama = '', own = ''] = stores;
  const layer = { mediaType: 'application/vnd.ollama.image.model', digest: `sha256:${hex}`, size: 1 };
  place(file, join(ollama, 'blobs', `sha256-${hex}`));
  write(
    join(ollama, 'manifests', 'registry.ollama.ai', 'library', 'pocket', '135m'),
    JSON.stringify({ schemaVersion: 2, layers: [layer] }),
  );
  const repository = join(hub, 'models--someone--Hub-GGUF');
  place(file, join(repository, 'blobs', hex));
  write(join(repository, 'refs', 'main'), 'abc');
  mkdirSync(join(repository, 'snapshots', 'abc'), { recursive: true });
  symlinkSync(join('..', '..', 'blobs', hex), join(repository, 'snapshots', 'abc', 'Hub-Q4_1.gguf'));
  place(file, join(lm, 'models', 'someone', 'Studio-GGUF', 'Studio-Q4_1.gguf'));
  place(file, join(jan, 'Jan', 'data', 'llamacpp', 'models', 'jan-model', 'model.gguf'));
  place(file, join(llama, 'someone_Cached-GGUF_Cached-Q4_1.gguf'));
  place(file, join(own, 'deep', basename(file)));
  write(home.file('.lmstudio-home-pointer'), lm);
  const env = {
    HOME: home.path,
    USERPROFILE: home.path,
    XDG_CACHE_HOME: home.file('cache'),
    XDG_DATA_HOME: jan,
    XDG_CONFIG_HOME: home.file('config'),
    OLLAMA_MODELS: ollama,
    HF_HUB_CACHE: hub,
    LLAMA_CACHE: llama,
  };
  const before = stores.map(snapshotOf);
  const listed = await runJson<{ name: string; store: string | null }[]>(['list'], { env });
  assert.deepEqual(
    listed.map(({ name, store }) => [name, store]),
    [
      ['hf.co/someone/cached-gguf:q4_1', 'llama.cpp'],
      ['hf.co/someone/hub-gguf:q4_1', 'Hugging Face'],
      ['jan-model:latest', 'Jan'],
      ['pocket:135m', 'Ollama'],
      ['studio:q4_1', 'LM Studio'],
    ],
  );
  const plain = await runJson(['run', file, 'Name a tree.', ...frugal], { env });
  const ask = async (name: string, ...more: readonly string[]): Promise<void> => {
    const { text, prompt_tokens } = await runJson(['run', name, 'Name a tree.', ...frugal, ...more], { env });
    assert.deepEqual([text, prompt_tokens], [plain.text, plain.prompt_tokens], name);
  };
  for (const { name } of listed) await ask(name);
  await ask('someone/Hub-GGUF:q4_1');
  await ask(basename(file), '--models', own);
  for (const { name } of listed) {
    const refused = await run(['rm', name], { env });
    assert.equal(refused.code, 2, refused.stderr);
  }
  assert.deepEqual(stores.map(snapshotOf), before);
});
