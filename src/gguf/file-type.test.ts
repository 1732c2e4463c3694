import assert from 'node:assert/strict';
import test from 'node:test';
import { type MetadataValue, str, type TensorSource, u32, writeGguf } from '../../bench/gguf-writer.ts';
import { tempFolder } from '../../test/support/temp-folder.ts';
import { quantizationOf, typeShares } from './file-type.ts';
import { type ModelFile, openModelFile } from './model-file.ts';
import { type GgmlType, typeNamed } from './types.ts';

const tensor = (name: string, type: string, ...shape: number[]): TensorSource => ({
  name,
  type: typeNamed(type) as GgmlType,
  shape,
  data: 'hole',
});

const mixed = [
  tensor('norm', 'f32', 4096),
  tensor('small', 'q6_K', 256, 2),
  tensor('a', 'q4_K', 256, 4),
  tensor('b', 'q4_K', 256, 4),
];

function open(metadata: Readonly<Record<string, MetadataValue>>, tensors: readonly TensorSource[]): ModelFile {
  using folder = tempFolder();
  const [path = ''] = writeGguf(folder.file('model.gguf'), { metadata, tensors });
  return openModelFile(path);
}

test('a file is of the quantization that it says', () => {
  assert.equal(quantizationOf(open({ 'general.file_type': u32(15) }, mixed)), 'Q4_K_M');
  assert.equal(quantizationOf(open({ 'general.file_type': u32(0) }, mixed)), 'F32');
});

test('where it says nothing that is known, of that of most of its matrices, by bytes', () => {
  assert.equal(quantizationOf(open({}, mixed)), 'Q4_K');
  assert.equal(quantizationOf(open({ 'general.file_type': u32(1024) }, mixed)), 'Q4_K');
  assert.equal(quantizationOf(open({ 'general.name': str('empty') }, [])), '');
});

test('the tensors and bytes of each type are counted', () => {
  assert.deepEqual(typeShares(open({}, mixed).weights.values()), {
    f32: { tensors: 1, bytes: 16384 },
    q6_K: { tensors: 1, bytes: 420 },
    q4_K: { tensors: 2, bytes: 1152 },
  });
});
