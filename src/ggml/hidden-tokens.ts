import { at } from '../base/at.ts';
import { readTensor, writeTensor } from './data.ts';
import type { Tensor } from './graph.ts';

/** The logit of a token that is never to be chosen: -FLT_MAX. */
const hidden = -3.4028234663852886e38;

/** Hides the tokens in all rows of logits (vocabulary, rows) that are hidden in the first one. */
export function hideInAllRows({ pointer, shape }: Tensor): void {
  const [vocabulary, rows] = [at(shape, 0), at(shape, 1)];
  if (rows < 2) return;
  const logits = new Float32Array(vocabulary * rows);
  readTensor(pointer, logits);
  const tokens = [...logits.subarray(0, vocabulary).keys()].filter((token) => logits[token] === hidden);
  for (let row = 1; row < rows; row += 1) for (const token of tokens) logits[row * vocabulary + token] = hidden;
  writeTensor(pointer, logits);
}
