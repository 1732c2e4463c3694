import assert from 'node:assert/strict';
import test from 'node:test';
import { cacheFolder, currentUser, type User, usualConfigFile } from './environment.ts';

const user = (given: Partial<User> = {}): User => ({ platform: 'linux', home: '/home/me', environment: {}, ...given });

test("the user's file is where the system keeps such files", () => {
  const usual = (given: Partial<User>): string | undefined => usualConfigFile(user(given))?.replaceAll('\\', '/');
  assert.equal(usual({}), '/home/me/.config/ssd-llm/config.toml');
  assert.equal(usual({ environment: { XDG_CONFIG_HOME: '/etc/me' } }), '/etc/me/ssd-llm/config.toml');
  assert.equal(usual({ environment: { XDG_CONFIG_HOME: 'relative' } }), '/home/me/.config/ssd-llm/config.toml');
  assert.equal(usual({ platform: 'darwin' }), '/home/me/Library/Application Support/ssd-llm/config.toml');
  assert.equal(usual({ platform: 'win32', environment: { APPDATA: '/roaming' } }), '/roaming/ssd-llm/config.toml');
  assert.equal(usual({ platform: 'win32' }), '/home/me/AppData/Roaming/ssd-llm/config.toml');
  assert.equal(usual({ home: undefined }), undefined);
});

test('what can be found out again is kept where the system keeps such files', () => {
  const cache = (given: Partial<User>): string | undefined => cacheFolder(user(given))?.replaceAll('\\', '/');
  assert.equal(cache({}), '/home/me/.cache/ssd-llm');
  assert.equal(cache({ environment: { XDG_CACHE_HOME: '/var/me' } }), '/var/me/ssd-llm');
  assert.equal(cache({ environment: { XDG_CACHE_HOME: 'relative' } }), '/home/me/.cache/ssd-llm');
  assert.equal(cache({ environment: { SSD_LLM_CACHE: '/mine', XDG_CACHE_HOME: '/var/me' } }), '/mine');
  assert.equal(cache({ platform: 'darwin' }), '/home/me/Library/Caches/ssd-llm');
  assert.equal(cache({ platform: 'win32', environment: { LOCALAPPDATA: '/local' } }), '/local/ssd-llm');
  assert.equal(cache({ platform: 'win32' }), '/home/me/AppData/Local/ssd-llm');
  assert.equal(cache({ home: undefined }), undefined);
});

test('a user whose HOME is empty has no home', { skip: process.platform === 'win32' }, () => {
  const { HOME } = process.env;
  process.env['HOME'] = '';
  try {
    assert.equal(currentUser().home, undefined);
  } finally {
    if (HOME === undefined) delete process.env['HOME'];
    else process.env['HOME'] = HOME;
  }
});
