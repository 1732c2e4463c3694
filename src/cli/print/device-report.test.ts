import assert from 'node:assert/strict';
import { homedir, hostname } from 'node:os';
import test from 'node:test';
import type { BenchReport } from './bench-report.ts';
import { deviceReport } from './device-report.ts';

const versions = { program: '1.2.3', libraries: '4.5.6', nvidia: 'driver 7' };
const report = (tokensPerSecond: number): BenchReport =>
  ({
    machine: { cpu: 'CPU', cpu_variant: null, threads: 2, os: 'linux 6 x64', device_name: 'DISK' },
    model: { name: 'secret', path: '/home/me/secret.gguf', architecture: 'llama', bytes: 2 ** 30, types: { q4_0: 1 } },
    plan: { resident: { bytes: 2 ** 20 }, streamed: { bytes: 0 }, host: null },
    ...{
      budget: 2 ** 31,
      memory: { peak: 2 ** 29 },
      first_token: { seconds: 1 },
      calibration: { bytes_per_s: 2 ** 30 },
    },
    prefill: { tokens_per_s: 9, tokens: 10 },
    decode: { tokens_per_s: tokensPerSecond, bytes_per_token: 0, stall_s: 0, tokens: 4 },
    alone: { compute_s_per_token: 0.001 },
    gpu_reading: { beside: false, between: 0.8 },
  }) as unknown as BenchReport;

test('a report about a device has its test, its agreement with the CPU and both speeds', () => {
  const text = deviceReport({
    ...{ versions, memory: 2 ** 34, most: report(31), least: report(7) },
    device: { kind: 'vulkan', name: 'GPU|ONE', memory: 'apart' },
    tried: { name: 'GPU|ONE', memory: 'apart', bytes: 2 ** 33, difference: 1.3e-3, failure: null },
    said: ['driver: one', 'loading /home/me/x', "loading 'C:\\Users\\me'", '1/2 done'],
    streamed: { nmse: 3e-8, same: 24, of: 24 },
    cpu: { nmse: 2.5e-3, same: 23, of: 24 },
  });
  assert.match(text, /^## GPU\|ONE \(vulkan\)\n\n\| device +\| GPU\\\|ONE, 8 GiB of its own +\|$/m);
  assert.match(text, /^\| test +\| passed: 1\.3e-3 from the CPU's result +\|$/m);
  assert.match(text, /^\| logits against the CPU +\| 2\.5e-3 apart; 23 of 24 likeliest tokens are the same +\|$/m);
  assert.match(text, /^\| decode +\| 31 tokens\/s +\| 7 tokens\/s +\|$/m);
  assert.match(text, /^\| read +\| between steps; while it computes a token takes 1\.25 times as long +\|$/m);
  assert.match(text, /\| driver 7 +\|/);
  assert.match(text, /says:\n\n {4}driver: one\n {4}1\/2 done\n$/);
  for (const word of ['secret', '/home', 'Users', homedir(), hostname()]) assert.ok(!text.includes(word), word);
});

test('a device that fails is reported with its reason, as far as that names no path', () => {
  const failure = new Error('it failed at /home/me/file');
  const text = deviceReport({ versions, memory: 2 ** 34, kind: 'metal', failure });
  assert.match(text, /^## metal fails\n\n\| test +\| it failed at\.\.\. +\|$/m);
});
