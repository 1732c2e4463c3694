import assert from 'node:assert/strict';
import test from 'node:test';
import { engineError, thrown } from '../../test/support/engine-error.ts';
import { backendFile, gpuDevices, kindsFor } from './gpu-backend.ts';

test('there are kinds of devices for each platform, Metal for Apple Silicon alone', () => {
  assert.deepEqual(kindsFor('darwin-arm64'), ['metal']);
  assert.deepEqual(kindsFor('linux-x64'), ['cuda', 'vulkan']);
  assert.deepEqual(kindsFor('linux-arm64'), []);
});

test('a kind that is not installed is refused with the command that brings it', () => {
  for (const kind of kindsFor()) {
    if (kind === 'metal' || backendFile(kind) !== undefined) continue;
    const { details, message } = thrown('DEVICE_MISSING', () => gpuDevices(kind));
    assert.match(details.install ?? '', /^npm i @node-llama-cpp\/\S+@\d+\.\d+\.\d+$/);
    assert.ok(message.includes(`"${details.install}"`));
  }
  const other = process.platform === 'darwin' ? 'cuda' : 'metal';
  assert.throws(() => gpuDevices(other), engineError('DEVICE_MISSING', 'no build'));
});
