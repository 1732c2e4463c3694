import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import type { User } from './environment.ts';
import { placesFor } from './model-places.ts';

const user = (given: Partial<User> = {}): User => ({ platform: 'linux', home: '/home/me', environment: {}, ...given });

const folderOf = (owner: string, given: Partial<User>): readonly string[] =>
  placesFor(undefined, user(given))
    .stores.filter((store) => store.owner === owner)
    .map(({ folder }) => folder);

test('stores are where their programs keep them', () => {
  const mac = { platform: 'darwin', home: '/Users/me' } as const;
  assert.deepEqual(folderOf('Ollama', {}), [join('/home/me/.ollama/models'), '/usr/share/ollama/.ollama/models']);
  assert.deepEqual(folderOf('Ollama', mac), [join('/Users/me/.ollama/models')]);
  assert.deepEqual(folderOf('Hugging Face', {}), [join('/home/me/.cache/huggingface/hub')]);
  assert.deepEqual(folderOf('ssd-llm', {}), [join('/home/me/.cache/ssd-llm')], 'with the models of the demo');
  assert.deepEqual(folderOf('llama.cpp', {}), [join('/home/me/.cache/llama.cpp')]);
  assert.deepEqual(folderOf('llama.cpp', mac), [join('/Users/me/Library/Caches/llama.cpp')]);
  assert.ok(folderOf('LM Studio', {}).includes(join('/home/me/.lmstudio/models')));
  assert.ok(folderOf('Jan', mac).includes(join('/Users/me/Library/Application Support/Jan/data/llamacpp/models')));
  const windows = {
    platform: 'win32',
    home: '/me',
    environment: { LOCALAPPDATA: '/local', APPDATA: '/roaming' },
  } as const;
  assert.deepEqual(folderOf('llama.cpp', windows), [join('/local/llama.cpp')]);
  assert.ok(folderOf('Jan', windows).includes(join('/roaming/Jan/data/llamacpp/models')));
});

test("other programs' own variables say where else", () => {
  const environment = { OLLAMA_MODELS: '/a', HF_HOME: '/b', LLAMA_CACHE: '/c' };
  assert.deepEqual(folderOf('Ollama', { environment }), ['/a']);
  assert.deepEqual(folderOf('Hugging Face', { environment }), [join('/b/hub')]);
  assert.deepEqual(folderOf('llama.cpp', { environment }), ['/c']);
  assert.deepEqual(folderOf('Hugging Face', { environment: { ...environment, HF_HUB_CACHE: '/d' } }), ['/d']);
});

test('a folder that was named is looked into alone; a user without a home has no stores but those of variables', () => {
  assert.deepEqual(placesFor('/models', user()), { folder: '/models', stores: [] });
  assert.equal(placesFor(undefined, user()).folder, join('/home/me/.local/share/ssd-llm/models'));
  const nobody = user({ platform: 'darwin', home: undefined, environment: { OLLAMA_MODELS: '/a' } });
  assert.deepEqual(placesFor(undefined, nobody), { folder: undefined, stores: [{ owner: 'Ollama', folder: '/a' }] });
});
