import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import test from 'node:test';
import { runSuite, testFiles } from './suite.ts';
import { sharedFolders } from './support/process-groups.ts';
import { samples } from './variants.ts';

test('a filter that no test file fits fails, also beside one that some do', async () => {
  assert.equal(await runSuite(['no-such-folder/']), 1);
  assert.equal(await runSuite(['plan/ring', 'no-such-folder/']), 1);
});

test('test files that share a process await nothing at their top level', () => {
  const files = testFiles([...sharedFolders]).filter((file) => sharedFolders.has(dirname(file)));
  assert.deepEqual(new Set(files.map((file) => dirname(file))), sharedFolders);
  assert.deepEqual(
    files.filter((file) => /^(?:(?:const|let) .*= |for )?await\b/m.test(readFileSync(file, 'utf8'))),
    [],
  );
});

test('the samples on other variants are test files', () => {
  for (const file of Object.values(samples).flat()) assert.deepEqual(testFiles([file]), [file]);
});

test('long tests whose model cannot be had are skipped by name, and fail nothing', () => {
  const env = { ...process.env, SSD_LLM_MODEL: '/no/such/model' };
  const args = ['--import', 'tsx', 'test/long/run.ts', 'answers'];
  const { status, stdout } = spawnSync(process.execPath, args, { env, encoding: 'utf8' });
  assert.equal(status, 0, stdout);
  assert.match(stdout, /^skipped in answers: .*real-model\.test\.ts: SSD_LLM_MODEL is \/no\/such\/model/m);
});
