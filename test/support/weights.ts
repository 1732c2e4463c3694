import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type GgmlType, rowBytes, typeNamed } from '../../src/gguf/types.ts';
import { elementCount, type Weight } from '../../src/gguf/weight.ts';
import type { ManifestEntry } from '../../src/plan/manifest.ts';

/** The type with ggml's name, which must exist. */
export const existingType = (name: string): GgmlType => typeNamed(name) ?? assert.fail(`there is no type ${name}`);

/** A weight whose bytes begin at `offset` of the first file. */
export function weightOf(name: string, typeName: string, shape: readonly number[], offset = 0): Weight {
  const type = existingType(typeName);
  return { name, type, shape, extent: { file: 0, offset, length: rowBytes(type, elementCount(shape)) } };
}

/** A matrix of any type and of up to about 8 MiB, anywhere in a file. */
export const anyMatrix: fc.Arbitrary<Weight> = fc
  .record({
    type: fc.constantFrom('f32', 'f16', 'q4_0', 'q8_0', 'q6_K', 'iq2_xxs'),
    blocks: fc.integer({ min: 1, max: 12 }),
    rows: fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 5000 })),
    offset: fc.nat({ max: 2 ** 40 }),
  })
  .map(({ type, blocks, rows, offset }) =>
    weightOf('m', type, [blocks * Math.max(32, existingType(type).block), rows], offset),
  );

interface Sketch {
  readonly weight: Weight;
  /** A matrix that is read more than once in a pass. */
  readonly reused: boolean;
  /** Bytes between it and the weight before. */
  readonly gap: number;
}

const vector: fc.Arbitrary<Weight> = fc.integer({ min: 1, max: 5000 }).map((n) => weightOf('v', 'f32', [n]));

const sketch: fc.Arbitrary<Sketch> = fc.record({
  weight: fc.oneof({ weight: 3, arbitrary: anyMatrix }, { weight: 1, arbitrary: vector }),
  reused: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
  gap: fc.nat({ max: 9000 }),
});

/** The experts of up to three routers. */
export const anyBanks: fc.Arbitrary<readonly ManifestEntry[]> = fc
  .array(
    fc.record({
      experts: fc.integer({ min: 1, max: 40 }),
      used: fc.integer({ min: 1, max: 40 }),
      width: fc.integer({ min: 1, max: 16 }),
      rows: fc.integer({ min: 1, max: 500 }),
      matrices: fc.integer({ min: 1, max: 3 }),
    }),
    { minLength: 1, maxLength: 3 },
  )
  .map((routers) => {
    let end = 2 ** 34;
    return routers.flatMap(({ experts, used, width, rows, matrices }, router) =>
      Array.from({ length: matrices }, (_, i): ManifestEntry => {
        const weight = weightOf(`router ${router}, matrix ${i}`, 'q8_0', [32 * width, rows, experts], end);
        end += weight.extent.length;
        return { weight, streamable: false, experts: { router, used: Math.min(used, experts) } };
      }),
    );
  });

/** The weights of a model one after the other in two files, at any offset; a matrix that is used once may stream. */
export const anyManifest: fc.Arbitrary<readonly ManifestEntry[]> = fc
  .array(sketch, { minLength: 1, maxLength: 24 })
  .map((sketches) => {
    const ends = [0, 0];
    return sketches.map(({ weight, reused, gap }, i) => {
      const file = i % 2;
      const offset = (ends[file] ?? 0) + gap;
      ends[file] = offset + weight.extent.length;
      const placed = { ...weight, name: `w${i}`, extent: { ...weight.extent, file, offset } };
      return { weight: placed, streamable: weight.shape.length === 2 && !reused };
    });
  });
