import assert from 'node:assert/strict';
import { closeSync, copyFileSync, openSync, writeSync } from 'node:fs';
import test from 'node:test';
import { openModelFile } from '../src/gguf/model-file.ts';
import { ask, openBatchModel, promptOf, writeBatchModel } from './support/batch-model.ts';
import { openDrafted, writeNoiseModel } from './support/drafted-model.ts';
import { engineError } from './support/engine-error.ts';
import { sharedFolder } from './support/temp-folder.ts';

const folder = sharedFolder();
const path = writeBatchModel(folder.file('model.gguf'));

/** A copy of a model whose last norm is no numbers. */
function damaged(path: string, name: string): string {
  const copy = folder.file(name);
  copyFileSync(path, copy);
  const { offset, length } =
    openModelFile(copy).weights.get('output_norm.weight')?.extent ?? assert.fail('there is no last norm');
  const fd = openSync(copy, 'r+');
  writeSync(fd, new Uint8Array(length).fill(0xff), 0, length, offset);
  closeSync(fd);
  return copy;
}

/** Fails unless what is promised ends with the error for numbers that are not finite, and names the file. */
const names = (promised: Promise<unknown>, file: string): Promise<void> =>
  assert.rejects(promised, engineError('NOT_FINITE', file));

test('weights that are no numbers are an error that names the file, for each who asks', async () => {
  const file = damaged(path, 'damaged.gguf');
  for (const streamed of [false, true]) {
    await using model = openBatchModel(file, { streamed, parallel: 2 });
    await Promise.all([0, 1, 2].map((i) => names(ask(model, promptOf(i, 10 * i + 1), { maxTokens: 3 }), file)));
  }
});

test('a draft model whose weights are no numbers is named by the error', async () => {
  const noise = folder.file('noise.gguf');
  writeNoiseModel(noise);
  const draft = damaged(noise, 'draft.gguf');
  await using model = await openDrafted(path, { draft: { model: draft, adaptive: false } });
  await names(ask(model, promptOf(0, 20), { maxTokens: 12 }), draft);
});
