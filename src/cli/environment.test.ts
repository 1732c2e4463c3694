import assert from 'node:assert/strict';
import test from 'node:test';
import { type User, usualConfigFile } from './environment.ts';

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
