import assert from 'node:assert/strict';
import test from 'node:test';
import { weightOf } from '../../test/support/weights.ts';
import { EngineError } from '../base/errors.ts';
import { ggmlTypes } from '../gguf/types.ts';
import type { Weight } from '../gguf/weight.ts';
import { cutIntoSlices, type Slice } from '../plan/slices.ts';
import { findWeight, Manifest, SliceTensors, weightsOf } from './slice-tensors.ts';

const modelOf = (...weights: readonly Weight[]): ReadonlyMap<string, Weight> =>
  new Map(weights.map((weight) => [weight.name, weight]));

/** The error's code and message. */
const refusal = (find: () => unknown): readonly [string, object] => {
  try {
    find();
  } catch (error) {
    assert.ok(error instanceof EngineError);
    return [error.code, error.details];
  }
  return assert.fail('nothing is refused');
};

const matrix = weightOf('m', 'q4_0', [64, 96]);
const norm = weightOf('n', 'f32', [64]);
const model = modelOf(matrix, norm);

test('a weight is found by name, and by a shape that may leave out or add ones at the end', () => {
  assert.equal(findWeight(model, 'm', [64, 96]), matrix);
  assert.equal(findWeight(model, 'n', [64, 1, 1]), norm);
  const padded = weightOf('p', 'f32', [64, 1]);
  assert.equal(findWeight(modelOf(padded), 'p', [64]), padded);
});

test('a tensor that is missing is refused by name', () => {
  assert.deepEqual(
    refusal(() => findWeight(model, 'blk.0.attn_q.weight', [64, 64])),
    ['MISSING_TENSOR', { tensor: 'blk.0.attn_q.weight' }],
  );
});

test('a tensor of another shape is refused, with both shapes', () => {
  for (const expected of [[96, 64], [64], [64, 96, 2], [64, 95]]) {
    assert.deepEqual(
      refusal(() => findWeight(model, 'm', expected)),
      ['WRONG_SHAPE', { tensor: 'm', shape: [64, 96], expected }],
    );
  }
});

test('types without a kernel to multiply with are refused; norms and biases are float32', () => {
  const refused = ['q8_1', 'q8_K', 'i8', 'i16', 'i32', 'i64', 'f64'];
  for (const { name } of ggmlTypes) {
    const find = (shape: readonly number[]) => () => findWeight(modelOf(weightOf('w', name, shape)), 'w', shape);
    const error = ['UNSUPPORTED_TENSOR_TYPE', { tensor: 'w', type: name }];
    if (refused.includes(name)) assert.deepEqual(refusal(find([256, 2])), error);
    else find([256, 2])();
    if (name === 'f32') find([256])();
    else assert.deepEqual(refusal(find([256])), error);
  }
});

test('a manifest is what was asked for, in order; matrices that are used once may stream', () => {
  const other = weightOf('o', 'f16', [64, 32]);
  let placed = 0;
  using manifest = new Manifest(modelOf(matrix, norm, other, weightOf('unused', 'f32', [64, 64])), () => {
    placed += 1;
  });
  const { weights } = manifest;
  const asked = weights('o', [64, 32]);
  weights('n', [64]);
  weights('m', [64, 96]);
  assert.equal(weights('o', [64, 32]).slices[0], asked.slices[0]);
  assert.deepEqual(manifest.entries, [
    { weight: other, streamable: false },
    { weight: norm, streamable: false },
    { weight: matrix, streamable: true },
  ]);
  assert.equal(placed, 3);
  assert.ok(weights.has('unused') && !weights.has('nothing'));
  assert.deepEqual(
    refusal(() => weights('nothing', [1])),
    ['MISSING_TENSOR', { tensor: 'nothing' }],
  );
});

test('a weight is given in its slices, each placed once', () => {
  const slices = [matrix, norm]
    .flatMap((weight) => cutIntoSlices(weight, 1500))
    .map((part, id): Slice => ({ ...part, id }));
  const placed: number[] = [];
  using tensors = new SliceTensors(slices, (slice, tensor) => {
    assert.equal(tensor.slice, slice.id);
    placed.push(slice.id);
  });
  const weights = weightsOf(model, slices, tensors.tensors);
  assert.deepEqual(
    weights('m', [64, 96]).slices.map(({ slice, shape }) => [slice, ...shape]),
    [
      [0, 64, 32],
      [1, 64, 32],
      [2, 64, 32],
    ],
  );
  assert.equal(weights('n', [64]).slices[0], tensors.tensors[3]);
  assert.equal(weights('m', [64, 96]).slices[0], tensors.tensors[0]);
  assert.deepEqual(placed, [0, 1, 2, 3]);
  assert.equal(refusal(() => weights('m', [96, 64]))[0], 'WRONG_SHAPE');
});

test('a weight that the model has but the plan does not is refused by name', () => {
  assert.deepEqual(
    refusal(() => weightsOf(model, [], [])('n', [64])),
    ['MISSING_TENSOR', { tensor: 'n' }],
  );
});
