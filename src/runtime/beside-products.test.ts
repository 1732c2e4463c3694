import assert from 'node:assert/strict';
import test from 'node:test';
import { architectureFile } from '../../test/support/architectures/architecture-file.ts';
import { tempFolder } from '../../test/support/temp-folder.ts';
import { CpuDevice } from '../ggml/cpu-device.ts';
import { openOutline } from './model-outline.ts';

test('operations beside products take some time, in graphs of our own and of libllama, in contexts of any length', async () => {
  using folder = tempFolder();
  using device = new CpuDevice(2);
  for (const architecture of ['llama', 'qwen3moe', 'mamba', 'gpt2']) {
    const { graphs } = openOutline(architectureFile(folder.file(`${architecture}.gguf`), architecture));
    using _ = graphs;
    const seconds = await graphs.besideProducts(device);
    assert.ok(seconds > 0 && Number.isFinite(seconds), architecture);
    assert.ok((await graphs.besideProducts(device)) > 0, 'as often as asked for');
  }
});
