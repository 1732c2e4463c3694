import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { tempFolder } from '../../test/support/temp-folder.ts';
import { isBadOption } from '../base/errors.ts';
import type { WebOptions } from '../download/web.ts';
import { webOptions } from './download-settings.ts';

const of = (environment: Readonly<Record<string, string>>, home?: string): WebOptions =>
  webOptions({ platform: 'linux', home, environment });

test('the token, the mirror and the proxies are those of the environment', () => {
  assert.deepEqual(of({}), {
    hub: 'https://huggingface.co',
    token: undefined,
    proxies: { http: '', https: '', none: '' },
  });
  const given = of({
    HF_TOKEN: 'key',
    HF_ENDPOINT: 'https://mirror.example/',
    HTTPS_PROXY: 'proxy:3128',
    no_proxy: '*.local',
  });
  assert.equal(given.token, 'key');
  assert.equal(given.hub, 'https://mirror.example/');
  assert.deepEqual(given.proxies, { http: '', https: 'http://proxy:3128', none: '*.local' });
  assert.equal(of({ ALL_PROXY: 'http://all:1' }).proxies?.https, 'http://all:1');
});

test("the token is also found where Hugging Face's tools keep it", () => {
  using home = tempFolder();
  mkdirSync(home.file('.cache/huggingface'), { recursive: true });
  writeFileSync(home.file('.cache/huggingface/token'), 'saved\n');
  assert.equal(of({}, home.path).token, 'saved');
  assert.equal(of({ HF_TOKEN: 'key' }, home.path).token, 'key');
  writeFileSync(home.file('other'), 'another');
  assert.equal(of({ HF_TOKEN_PATH: home.file('other') }, home.path).token, 'another');
});

test('an address that is none is refused, by its name', () => {
  for (const environment of [{ HF_ENDPOINT: 'mirror' }, { HTTPS_PROXY: 'socks5://a:1' }, { http_proxy: 'http://' }]) {
    assert.throws(() => of(environment), isBadOption);
  }
});
