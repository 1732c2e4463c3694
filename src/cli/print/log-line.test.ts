import assert from 'node:assert/strict';
import test from 'node:test';
import { logLine } from './log-line.ts';

const line = (entry: object): string =>
  logLine(JSON.stringify({ level: 30, time: '2026-01-02T03:04:05.000Z', ...entry })).replace(/^\d\d:\d\d:05 {2}/, '');

test('a request is one line: status, endpoint, model, tokens, rate, time', () => {
  const request = { method: 'POST', path: '/api/chat', status: 200, seconds: 4.512, msg: 'request' };
  assert.equal(
    line({ ...request, model: 'm:1', prompt_tokens: 37, tokens: 96, tokens_per_s: 23.1 }),
    '200 POST /api/chat  m:1  37+96 tokens  23.1 tokens/s  4.5 s',
  );
  assert.equal(line({ ...request, path: '/a\u001b[2J', status: 404, seconds: 0.002 }), '404 POST /a\ufffd[2J  0.002 s');
});

test('other entries are told with their facts, and trouble by a word for it', () => {
  assert.equal(line({ msg: 'the engine runs', model: 'm', pid: 7, plan: {} }), 'the engine runs (model m)');
  assert.equal(line({ level: 40, msg: 'left out', path: 'a.gguf' }), 'warning: left out (path a.gguf)');
});
