import assert from 'node:assert/strict';
import test from 'node:test';
import { engineError } from '../../test/support/engine-error.ts';
import { backendFile, gpuDevices, installCommand, kindsFor } from './gpu-backend.ts';

test('there are kinds of devices for each platform, Metal for Apple Silicon alone', () => {
  assert.deepEqual(kindsFor('darwin-arm64'), ['metal']);
  assert.deepEqual(kindsFor('linux-x64'), ['vulkan', 'cuda']);
  assert.deepEqual(kindsFor('linux-arm64'), []);
});

test('a kind that is not installed is refused with the command that brings it', () => {
  for (const kind of kindsFor()) {
    if (kind === 'metal' || backendFile(kind) !== undefined) continue;
    const install = installCommand(kind);
    assert.match(install ?? '', /^npm i @node-llama-cpp\/\S+@\d+\.\d+\.\d+$/);
    assert.throws(() => gpuDevices(kind), engineError('DEVICE_MISSING', `"${install}"`));
  }
  const other = process.platform === 'darwin' ? 'cuda' : 'metal';
  assert.throws(() => gpuDevices(other), engineError('DEVICE_MISSING', 'no build'));
});
