import assert from 'node:assert/strict';
import test from 'node:test';
import { Command } from 'commander';
import { modelOptions } from './model-flags.ts';
import { dropAuto } from './options.ts';

function parsed(...args: readonly string[]): Readonly<Record<string, unknown>> {
  const command = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  for (const option of modelOptions([])) command.addOption(option);
  command.hook('preAction', dropAuto).action(() => {});
  return command.parse(args, { from: 'user' }).opts();
}

test('--tensor-parallel is --threads by another name; of both, the last one counts', () => {
  assert.equal(parsed('--tensor-parallel', '3')['threads'], 3);
  assert.equal(parsed('--threads', '2', '--tensor-parallel', '3')['threads'], 3);
  assert.equal(parsed('--tensor-parallel=3', '-t', '2')['threads'], 2);
  assert.throws(() => parsed('--tensor-parallel', '0'), /--tensor-parallel <n>' argument '0' is invalid/);
});

test('auto is the same as an option left out, wherever a value is chosen', () => {
  const names = ['--ctx', '-t', '--threads', '--tensor-parallel', '--draft-ahead'];
  for (const name of [...names, '--rope-scale', '--rope-scaling', '--rope-base']) {
    assert.deepEqual({ ...parsed(name, 'auto') }, { ...parsed(), ...undefinedIn(parsed(name, 'auto')) }, name);
  }
  assert.equal(parsed('-t', '2', '--tensor-parallel', 'auto')['threads'], undefined);
  for (const name of ['--kernels', '--kv-home']) assert.ok(Object.values(parsed(name, 'auto')).includes('auto'));
});

const undefinedIn = (flags: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(flags).filter(([, value]) => value === undefined));
