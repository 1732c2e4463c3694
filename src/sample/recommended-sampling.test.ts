import assert from 'node:assert/strict';
import test from 'node:test';
import { f32, type MetadataValue, scalar, str, u32, writeGguf } from '../../bench/gguf-writer.ts';
import { sharedPath } from '../../test/support/temp-folder.ts';
import { readHeader } from '../gguf/header.ts';
import { recommendedSampling } from './recommended-sampling.ts';

const path = sharedPath('model.gguf');

const recommended = (metadata: Readonly<Record<string, MetadataValue>>): object => {
  writeGguf(path, { metadata, tensors: [] });
  return recommendedSampling(readHeader(path).metadata);
};

test('a file recommends what it says under general.sampling', () => {
  const metadata = {
    'general.sampling.temp': f32(0.5),
    'general.sampling.top_k': scalar('i32', 20),
    'general.sampling.penalty_repeat': f32(1.5),
    'general.sampling.penalty_last_n': u32(32),
  };
  assert.deepEqual(recommended(metadata), { temperature: 0.5, topK: 20, repeatPenalty: 1.5, repeatLastN: 32 });
  assert.deepEqual(recommended({}), {});
});

test('values that are not valid recommend nothing', () => {
  assert.deepEqual(
    recommended({
      'general.sampling.temp': f32(-1),
      'general.sampling.top_k': str('40'),
      'general.sampling.top_p': f32(1),
    }),
    { topP: 1 },
  );
});
