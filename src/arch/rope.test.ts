import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { f32, type MetadataValue, str, u32, writeGguf } from '../../bench/gguf-writer.ts';
import { engineError } from '../../test/support/engine-error.ts';
import { sharedPath } from '../../test/support/temp-folder.ts';
import { openModelFile } from '../gguf/model-file.ts';
import { Keys } from './keys.ts';
import { type RopeOptions, readRope, ropeRanges, ropeScalings } from './rope.ts';

const path = sharedPath('model.gguf');

/** A model's rope metadata, without "rope." in front of the keys. */
type Said = Readonly<Record<string, MetadataValue>>;

const trained = 2048;

/** The rope of a model with heads of 32 that was trained for 2048 tokens. */
function read(said: Said, options?: RopeOptions): ReturnType<typeof readRope> {
  const metadata = Object.fromEntries(Object.entries(said).map(([key, value]) => [`llama.rope.${key}`, value]));
  writeGguf(path, { metadata, tensors: [] });
  const keys = new Keys(openModelFile(path).metadata, 'llama');
  return readRope(keys, { mode: 0, dims: 32, context: trained }, options);
}

/** The scale of the frequencies, YaRN's numbers, and the original context. */
function stretch(said: Said, options?: RopeOptions): readonly number[] {
  const { scale, extFactor, attnFactor, originalContext } = read(said, options).rope;
  return [scale, extFactor, attnFactor, originalContext];
}

const factor = { 'scaling.factor': f32(4), 'scaling.original_context_length': u32(512) };
const none = { ...factor, 'scaling.type': str('none') };
const yarn = { ...factor, 'scaling.type': str('yarn') };

test('rope is stretched by the factor of its kind of scaling', () => {
  assert.deepEqual(stretch(factor), [0.25, 0, 1, 512]);
  assert.deepEqual(stretch({ scale_linear: f32(2) }), [0.5, 0, 1, 2048]);
  assert.deepEqual(stretch({ ...factor, scale_linear: f32(2) }), [0.25, 0, 1, 512]);
  assert.deepEqual(stretch(none), [1, 0, 1, 512]);
  assert.deepEqual(stretch({ ...yarn, 'scaling.attn_factor': f32(1.5) }), [0.25, 1, 1.5, 512]);
  assert.deepEqual(stretch({ ...factor, 'scaling.type': str('longrope') }), [0.25, 0, 1, 512]);
});

test('what is wanted counts before what the metadata say', () => {
  assert.deepEqual(stretch({}, { scale: 8 }), [1 / 8, 0, 1, 2048]);
  assert.deepEqual(stretch({}, { scale: 8, scaling: 'yarn' }), [1 / 8, 1, 1, 2048]);
  assert.deepEqual(stretch(yarn, { scale: 8 }), [1 / 8, 1, 1, 512]);
  assert.deepEqual(stretch(yarn, { scaling: 'linear' }), [1 / 4, 0, 1, 512]);
  assert.deepEqual(stretch(factor, { scaling: 'yarn' }), [1 / 4, 1, 1, 512]);
  assert.deepEqual(stretch(yarn, { scaling: 'none', scale: 8 }), [1, 0, 1, 512]);
  assert.deepEqual(stretch(none, { scale: 8 }), [1 / 8, 0, 1, 512]);
  assert.deepEqual(stretch(none, { scaling: 'linear' }), [1 / 4, 0, 1, 512]);
  assert.equal(read({ freq_base: f32(5e5) }, { base: 1e6 }).rope.base, 1e6);
  assert.equal(read({ freq_base: f32(5e5) }, { scale: 2 }).rope.base, 5e5);
});

test('the context is the trained one, or as long as the original one is stretched to', () => {
  const context = (said: Said, options?: RopeOptions): number => read(said, options).context;
  assert.equal(context({}), 2048);
  assert.equal(context({}, { scale: 1.5 }), 3072);
  assert.equal(context({}, { scale: 1 }), 2048);
  assert.equal(context({}, { scale: 4, scaling: 'none' }), 2048);
  // The model was trained for 512 times 4.
  assert.deepEqual([context(yarn), context(yarn, { scale: 8 }), context(yarn, { scale: 2 })], [2048, 4096, 2048]);
  // Without a name for the original context it is 512: the trained 2048 without the factor.
  assert.equal(context({ 'scaling.factor': f32(4) }, { scale: 8 }), 4096);
  // A model that was trained for its original context only is stretched by its metadata.
  assert.equal(context({ ...yarn, 'scaling.original_context_length': u32(trained) }), 4 * 2048);
  // Factors of each frequency stretch the context to the trained one; the scale comes on top.
  const longrope = { 'scaling.type': str('longrope'), 'scaling.original_context_length': u32(512) };
  assert.deepEqual([context(longrope), context(longrope, { scale: 2 })], [2048, 4096]);
  assert.deepEqual([context({}, { base: 1e6 }), context({}, { base: 1e6, scale: 1024 })], [2 ** 20, 2 ** 21]);
  assert.equal(context({ 'scaling.original_context_length': u32(2 ** 24) }, { scale: 1024 }), 2 ** 24);
});

test('whatever is wanted, the context is whole and no shorter than the trained one', () => {
  const wanted = fc.record({
    scale: fc.option(fc.double({ ...ropeRanges.scale, noNaN: true }), { nil: undefined }),
    base: fc.option(fc.double({ ...ropeRanges.base, noNaN: true }), { nil: undefined }),
    scaling: fc.constantFrom(undefined, ...ropeScalings),
  });
  fc.assert(
    fc.property(wanted, fc.constantFrom({}, factor, none, yarn), (options, said) => {
      const { context, rope } = read(said, options);
      assert.ok(Number.isInteger(context) && context >= trained && context <= 2 ** 24, `${context}`);
      assert.ok(rope.scale > 0 && rope.scale <= 1 && rope.base >= 2 && rope.attnFactor === 1);
    }),
  );
});

test('what cannot be wanted is refused', () => {
  const wrong: readonly (readonly [string, object])[] = [
    ['rope.scale', { scale: 0 }],
    ['rope.scale', { scale: 0.5 }],
    ['rope.scale', { scale: 2000 }],
    ['rope.scale', { scale: Number.NaN }],
    ['rope.base', { base: 1 }],
    ['rope.base', { base: Number.POSITIVE_INFINITY }],
    ['rope.scaling', { scaling: 'longrope' }],
  ];
  for (const [option, options] of wrong) {
    assert.throws(() => read({}, options), engineError('BAD_OPTION', new RegExp(`^${option} `)));
  }
});
