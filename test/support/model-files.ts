import assert from 'node:assert/strict';
import type { RandomModelSpec } from '../../bench/random-model.ts';
import { writeRandomModel } from '../../bench/random-model.ts';
import { type Shape, type SynthesizeOptions, synthesize } from '../../bench/synthesize.ts';
import { tinyBytePair } from '../../bench/tiny-vocabulary.ts';

/** Writes a model of random weights without a vocabulary. Returns the path of its file, or of the first one. */
export function writeRandom(path: string, spec: RandomModelSpec): string {
  const [first = assert.fail()] = writeRandomModel(path, spec);
  return first;
}

/** Writes a model of random weights that knows every byte. Returns its path. */
export function writeBytePair(path: string, shape: Omit<Shape, 'tokenizer'>, options: SynthesizeOptions): string {
  synthesize(path, { ...shape, tokenizer: (tokens) => tinyBytePair('gpt-2', [], tokens) }, options);
  return path;
}
