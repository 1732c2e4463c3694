import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { isLoopback, parseAddress, reachable, urlOf } from './address.ts';

test('an address is read in all the ways that Ollama takes', () => {
  for (const [text, host, port] of [
    ['localhost', 'localhost', undefined],
    ['0.0.0.0', '0.0.0.0', undefined],
    ['1.2.3.4:5678', '1.2.3.4', 5678],
    ['gpu-box.local:8080', 'gpu-box.local', 8080],
    [':8080', '0.0.0.0', 8080],
    ['8080', '127.0.0.1', 8080],
    ['::1', '::1', undefined],
    ['[::1]', '::1', undefined],
    ['[::1]:8080', '::1', 8080],
    ['[fe80::1%eth0]:80', 'fe80::1%eth0', 80],
    ['http://1.2.3.4', '1.2.3.4', 80],
    ['HTTP://1.2.3.4:8080/', '1.2.3.4', 8080],
    ['http://[::1]:8080/api', '::1', 8080],
    ['http://:8080', '0.0.0.0', 8080],
    [' localhost:0 ', 'localhost', 0],
  ] as const) {
    assert.deepEqual(parseAddress(text), { host, port }, text);
  }
  assert.deepEqual(parseAddress('https://models.example.com'), { host: 'models.example.com', port: 443 });
});

test('what is no address is none', () => {
  for (const text of [
    '',
    ' ',
    'http://',
    ':',
    'a b',
    'host:',
    'host:port',
    'host:70000',
    '99999',
    '[localhost]:80',
    '[::1',
    '1:2:3',
    'ftp://host',
    'user@host',
    'host:1:2',
  ]) {
    assert.equal(parseAddress(text), undefined, text);
  }
});

test('the URL of an address leads back to it', () => {
  const host = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain());
  fc.assert(
    fc.property(host, fc.integer({ min: 0, max: 65535 }), (host, port) => {
      assert.deepEqual(parseAddress(urlOf({ host, port })), { host, port });
    }),
  );
});

test('only this machine reaches a loopback address', () => {
  for (const host of ['localhost', 'LOCALHOST', '127.0.0.1', '127.8.9.10', '::1', '0:0:0:0:0:0:0:1']) {
    assert.equal(isLoopback(host), true, host);
  }
  for (const host of ['0.0.0.0', '::', '192.168.0.2', '128.0.0.1', 'localhost.example.com', 'gpu-box', '']) {
    assert.equal(isLoopback(host), false, host);
  }
});

test('what listens everywhere is reached at home', () => {
  assert.deepEqual(['0.0.0.0', '::', '10.0.0.7', 'localhost'].map(reachable), [
    '127.0.0.1',
    '::1',
    '10.0.0.7',
    'localhost',
  ]);
});
