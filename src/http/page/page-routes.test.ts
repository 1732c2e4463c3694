import assert from 'node:assert/strict';
import test from 'node:test';
import { served } from '../../../test/support/served.ts';
import { pagePaths } from './page-routes.ts';

test('the page is small, and asks nobody but its server', async () => {
  const { app } = served();
  let bytes = 0;
  for (const path of pagePaths) {
    const response = await app.request(path);
    assert.equal(response.status, 200);
    const text = await response.text();
    bytes += Buffer.byteLength(text);
    // Names of XML are no addresses.
    const addresses = (text.match(/(?:https?:)?\/\/[\w.-]+\.\w+[^\s"'`)]*/g) ?? []).filter(
      (url) => !url.includes('www.w3.org/'),
    );
    assert.deepEqual(addresses, [], path);
    assert.doesNotMatch(text, /\b(?:innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval)\b|new Function\b/);
  }
  assert.ok(bytes > 10_000 && bytes < 200_000, `${bytes}`);
});

test('its policy allows neither foreign addresses, nor scripts or styles within the page, nor HTML made of texts', async () => {
  const { app } = served();
  for (const path of pagePaths) {
    const { headers } = await app.request(path);
    const policy = headers.get('content-security-policy') ?? '';
    for (const rule of [
      "default-src 'none'",
      "script-src 'self'",
      "connect-src 'self'",
      "require-trusted-types-for 'script'",
    ]) {
      assert.ok(policy.split('; ').includes(rule), `${path}: ${rule}`);
    }
    assert.doesNotMatch(policy, /unsafe|\*/);
    assert.equal(headers.get('x-content-type-options'), 'nosniff');
  }
});

test('without the page there is nothing at its paths, and the status is there all the same', async () => {
  const { app } = served({ page: false });
  for (const path of pagePaths) assert.equal((await app.request(path)).status, 404);
  assert.equal((await app.request('/api/status')).status, 200);
});

test('with a key the empty page comes without it, and what it shows does not', async () => {
  const { app } = served({ apiKey: 'secret' });
  for (const path of pagePaths) assert.equal((await app.request(path)).status, 200);
  for (const path of ['/api/status', '/api/status?stream', '/api/tags', '/ui/other']) {
    assert.equal((await app.request(path)).status, 401, path);
  }
});
