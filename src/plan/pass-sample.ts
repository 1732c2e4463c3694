import { at } from '../base/at.ts';
import type { GgmlType } from '../gguf/types.ts';
import type { Extent, Weight } from '../gguf/weight.ts';
import { expertSteps } from './expert-forecast.ts';
import type { Plan } from './plan.ts';
import { type RingSegment, withoutLast } from './ring-segments.ts';
import { expertLength } from './routed-banks.ts';
import { pageSpanOf } from './slices.ts';
import { divideIntoSteps } from './steps.ts';

/** A matrix that is read, and multiplied with one token: a slice, or an expert's. */
export interface SampleMatrix {
  readonly type: GgmlType;
  readonly shape: readonly [number, number];
  readonly extent: Extent;
}

/** A part of a pass as it is read and computed, to be measured. */
export interface PassSample {
  /** In order of use. */
  readonly matrices: readonly SampleMatrix[];
  /** The place of each in a ring of `bytes`. */
  readonly segments: readonly RingSegment[];
  readonly bytes: number;
  /** Bytes of a read, on average. */
  readonly readBytes: number;
  /** Matrices [from, to) that are waited for, computed and freed as one. */
  readonly steps: readonly { readonly from: number; readonly to: number }[];
  /** Steps of a whole pass, about. */
  readonly passSteps: number;
}

/** Bytes that tell enough of a storage, and matrices that tell enough of a processor. */
const most = { bytes: 256 * 2 ** 20, matrices: 1024 };

/**
 * The first weights that stream, around the ring of the plan; undefined if none do, or they go on to a device that is apart.
 * Pages are of `page` bytes.
 */
export function ringSample(plan: Plan, page: number): PassSample | undefined {
  const { slices, streamed, ringModes, shares, stepBytes } = plan;
  const all = streamed.map((id): SampleMatrix => {
    const { weight, shape, extent } = at(slices, id);
    return { type: weight.type, shape: [at(shape, 0), shape.slice(1).reduce((rows, n) => rows * n, 1)], extent };
  });
  const matrices = enoughOf(all);
  if (matrices.length === 0 || plan.host) return undefined;
  const uses = matrices.map(({ extent }, i) => ({ slice: i, node: i, bytes: pageSpanOf(extent, page).bytes }));
  const steps = divideIntoSteps(uses, matrices.length, { maxBytes: stepBytes });
  return {
    matrices,
    segments: withoutLast(ringModes.plain, all.length - matrices.length),
    bytes: shares.ring,
    readBytes: readBytes(matrices, page),
    steps,
    passSteps: (steps.length * all.length) / matrices.length,
  };
}

/**
 * Experts that are missing: half of those that a token uses, as far as there are slots, or one, of a layer after the other.
 * Those of a layer are read at once, and only when the ones before have been computed. Undefined if no experts have slots, or these are of a device that is apart.
 */
export function expertSample({ experts, host }: Plan, page: number): PassSample | undefined {
  if (!experts || host) return undefined;
  const { banks, slots } = experts;
  const matrices: SampleMatrix[] = [];
  const segments: RingSegment[] = [];
  const steps: PassSample['steps'][number][] = [];
  let [bytes, read] = [0, 0];
  for (const [layer, { weights, used, experts }] of banks.entries()) {
    if (read >= most.bytes || matrices.length >= most.matrices) break;
    const count = Math.max(1, Math.min(slots, Math.floor(used / 2)));
    const from = matrices.length;
    let offset = 0;
    for (let i = 0; i < count; i += 1) {
      for (const weight of weights) {
        const extent = expertExtent(weight, (layer + i) % experts);
        matrices.push({ type: weight.type, shape: [at(weight.shape, 0), at(weight.shape, 1)], extent });
        // The read before the first of the layer is the last of the layer before.
        segments.push({ offset, after: matrices.length - from });
        offset += pageSpanOf(extent, page).bytes;
        read += extent.length;
      }
    }
    bytes = Math.max(bytes, offset);
    steps.push({ from, to: matrices.length });
  }
  const sized = { bytes, readBytes: readBytes(matrices, page) };
  return { matrices, segments, ...sized, steps, passSteps: banks.length * expertSteps.first };
}

/** The bytes of an expert in a matrix (in, out, experts). */
function expertExtent(weight: Pick<Weight, 'extent' | 'shape'>, expert: number): Extent {
  const [{ file, offset }, length] = [weight.extent, expertLength(weight)];
  return { file, offset: offset + expert * length, length };
}

const readBytes = (matrices: readonly SampleMatrix[], page: number): number =>
  matrices.reduce((sum, { extent }) => sum + pageSpanOf(extent, page).bytes, 0) / matrices.length;

/** The first ones, as many as tell enough. */
function enoughOf(matrices: readonly SampleMatrix[]): readonly SampleMatrix[] {
  let [count, bytes] = [0, 0];
  for (const { extent } of matrices) {
    if (bytes >= most.bytes || count >= most.matrices) break;
    bytes += extent.length;
    count += 1;
  }
  return matrices.slice(0, count);
}
