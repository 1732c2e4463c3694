import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { engineError } from '../../../test/support/engine-error.ts';
import { makePipe } from '../../../test/support/pipes.ts';
import { tempFolder } from '../../../test/support/temp-folder.ts';
import type { User } from '../environment.ts';
import { readConfigFile } from './config-file.ts';

const user = (given: Partial<User> = {}): User => ({ platform: 'linux', home: '/home/me', environment: {}, ...given });

test('a file that is named is read, else the one of the user', () => {
  using folder = tempFolder();
  const me = user({ environment: { XDG_CONFIG_HOME: folder.path } });
  mkdirSync(folder.file('ssd-llm'));
  writeFileSync(folder.file('ssd-llm/config.toml'), 'port = 1');
  writeFileSync(folder.file('named.toml'), 'port = 2');
  assert.equal(readConfigFile(undefined, me)?.values['port'], 1);
  assert.equal(readConfigFile(folder.file('named.toml'), me)?.values['port'], 2);
});

test('the file of the user may be missing, one that is named may not', () => {
  using folder = tempFolder();
  const me = user({ environment: { XDG_CONFIG_HOME: folder.path } });
  assert.equal(readConfigFile(undefined, me), undefined);
  assert.equal(readConfigFile(undefined, user({ home: undefined })), undefined);
  const missing = join(folder.path, 'missing.toml');
  assert.throws(() => readConfigFile(missing, me), engineError('UNREADABLE', missing));
});

test('a file that cannot be read, or is not TOML, is an error that says where', () => {
  using folder = tempFolder();
  const me = user({ environment: { XDG_CONFIG_HOME: folder.path } });
  mkdirSync(folder.file('ssd-llm/config.toml'), { recursive: true });
  assert.throws(() => readConfigFile(undefined, me), /config\.toml cannot be read \(it is a folder, not a file\)/);
  writeFileSync(folder.file('bad.toml'), 'port = 1\nhost = = 2\n');
  assert.throws(
    () => readConfigFile(folder.file('bad.toml'), me),
    engineError('BAD_OPTION', /line 2 of the configuration file \/.*bad\.toml is not valid; expected TOML \(.+\)/),
  );
});

test('a named pipe in the place of a file is an error at once', { skip: process.platform === 'win32' }, () => {
  using folder = tempFolder();
  makePipe(folder.file('pipe.toml'));
  assert.throws(
    () => readConfigFile(folder.file('pipe.toml'), user()),
    /pipe\.toml cannot be read \(it is a named pipe/,
  );
});
