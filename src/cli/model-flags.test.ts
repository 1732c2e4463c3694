import assert from 'node:assert/strict';
import test from 'node:test';
import { Command } from 'commander';
import { modelOptions } from './model-flags.ts';

function parsed(...args: readonly string[]): Readonly<Record<string, unknown>> {
  const command = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  for (const option of modelOptions([])) command.addOption(option);
  return command.parse(args, { from: 'user' }).opts();
}

test('--tensor-parallel is --threads by another name; of both, the last one counts', () => {
  assert.equal(parsed('--tensor-parallel', '3')['threads'], 3);
  assert.equal(parsed('--threads', '2', '--tensor-parallel', '3')['threads'], 3);
  assert.equal(parsed('--tensor-parallel=3', '-t', '2')['threads'], 2);
  assert.throws(() => parsed('--tensor-parallel', '0'), /--tensor-parallel <n>' argument '0' is invalid/);
});
