import assert from 'node:assert/strict';
import { utimesSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { type GgufSource, writeGguf } from '../../bench/gguf-writer.ts';
import { randomModel } from '../../bench/random-model.ts';
import { metadataOf, sizesOf } from '../../test/support/architectures/recipe.ts';
import { engineError } from '../../test/support/engine-error.ts';
import { sharedFolder } from '../../test/support/temp-folder.ts';
import { openModelFile } from '../gguf/model-file.ts';
import { tryGraphs } from './graph-trial.ts';
import { saveTried, trialKey, triedModels } from './tried-models.ts';

const folder = sharedFolder();

const source = randomModel({
  architecture: 'llama',
  layers: 1,
  width: 64,
  heads: 2,
  kvHeads: 1,
  feedForward: 64,
  vocabulary: 40,
  type: 'f32',
});

function written(name: string, change: Partial<GgufSource> = {}): string {
  const path = folder.file(name);
  writeGguf(path, { ...source, ...change });
  return path;
}

/** A model for which libllama ends its process: each token uses 9 of 8 experts. */
function fatal(): string {
  const mixture = { experts: true };
  return written('fatal.gguf', {
    metadata: metadataOf('llama', mixture, { ...sizesOf(mixture), used: 9 }),
    tensors: [],
  });
}

test('a model whose graphs were built is remembered in the folder, until its file changes', () => {
  const path = written('sound.gguf');
  const memory = folder.file('memory');
  const file = openModelFile(path);
  tryGraphs(file, memory);
  assert.deepEqual(triedModels(memory), [trialKey(file)]);
  utimesSync(path, 1, 1);
  tryGraphs(file, memory);
  assert.equal(triedModels(memory).length, 2);
});

test('an abort of libllama is an error that names the file and what failed, and nothing is remembered', () => {
  const path = fatal();
  const memory = folder.file('nothing');
  for (let times = 0; times < 2; times += 1) {
    assert.throws(
      () => tryGraphs(openModelFile(path), memory),
      engineError(
        'GRAPH_FAILED',
        /fatal\.gguf \(.* SIGABRT after "llama-model\.cpp:\d+: GGML_ASSERT\(.*expert.*\) failed"\)/,
      ),
    );
  }
  assert.deepEqual(triedModels(memory), []);
});

test('a model that is remembered is not tried again', () => {
  const file = openModelFile(fatal());
  const memory = folder.file('trusted');
  saveTried(memory, trialKey(file));
  tryGraphs(file, memory);
});

test('an error of the trial is the error that this process would meet', () => {
  const tensors = source.tensors.filter(({ name }) => name !== 'blk.0.ffn_up.weight');
  assert.throws(
    () => tryGraphs(openModelFile(written('lacking.gguf', { tensors }))),
    engineError('MISSING_TENSOR', { tensor: 'blk.0.ffn_up.weight' }),
  );
});

test('a memory that is damaged, or cannot be written, remembers nothing and does no harm', () => {
  const file = openModelFile(written('other.gguf'));
  const memory = folder.file('damaged');
  saveTried(memory, 'a');
  for (const content of ['', '{"b":1}', '[1, "c"', '[1, null, ["d"]]']) {
    writeFileSync(`${memory}/tried-models.json`, content);
    assert.deepEqual(triedModels(memory), []);
  }
  saveTried(memory, 'e');
  assert.deepEqual(triedModels(memory), ['e']);
  const noFolder = written('no-folder');
  tryGraphs(file, noFolder);
  assert.deepEqual(triedModels(noFolder), []);
});
