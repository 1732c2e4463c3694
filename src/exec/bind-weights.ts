import type { Weights } from '../arch/architecture.ts';
import { at } from '../base/at.ts';
import type { Disposer } from '../base/disposer.ts';
import { writeTensorAside } from '../ggml/data.ts';
import type { SliceTensor } from '../ggml/graph.ts';
import { LayoutMemory } from '../ggml/host-memory.ts';
import { type KernelLayout, LayoutBinder } from '../ggml/kernel-layout.ts';
import { type Memory, sharedBytes } from '../ggml/memory.ts';
import { pageBytes } from '../ggml/system.ts';
import type { Weight } from '../gguf/weight.ts';
import type { Block } from '../pager/block.ts';
import type { Uploads } from '../pager/uploads.ts';
import type { Plan } from '../plan/plan.ts';
import type { RingModes, WeightSegment } from '../plan/ring-modes.ts';
import { pageSpanOf, type Slice } from '../plan/slices.ts';
import { SliceTensors, weightsOf } from './slice-tensors.ts';

/** The weights of passes in one mode of the ring: the blocks that they read, and the tensors that they compute on. */
export interface RingWeights {
  readonly blocks: readonly Block[];
  /** Tensors by slice. */
  readonly tensors: readonly SliceTensor[];
  readonly weights: Weights;
}

/** The weights of a plan in each mode of the ring, and their tensors by slice: a streamed one has that of the plain mode. */
export interface BoundWeights extends RingModes<RingWeights> {
  readonly tensors: readonly SliceTensor[];
}

/** The faster kernel layout of a slice, if it has one. */
export type LayoutOf = (slice: Slice) => KernelLayout | undefined;

/** The memory of a plan's weights, and their kernel layouts. */
export interface WeightMemory {
  readonly arena: Memory;
  readonly ring: Memory;
  readonly layoutOf: LayoutOf;
  /** The way to memory of a device that is apart. */
  readonly uploads?: Uploads | undefined;
}

/** Makes every slice of `plan` a tensor in its place, in each mode of the ring. `owner` frees their memory. */
export function bindWeights(
  plan: Plan,
  model: ReadonlyMap<string, Weight>,
  { arena, ring, layoutOf, uploads }: WeightMemory,
  owner: Disposer,
): BoundWeights {
  // A device that is apart has a weight alone, at the begin of its segment.
  const skewOf = ({ extent }: Slice): number => (uploads ? 0 : pageSpanOf(extent, pageBytes).skew);
  const residents = owner.use(
    new SliceTensors(plan.slices, (slice, { pointer }) => {
      const placement = at(plan.placements, slice.id);
      const layout = placement.kind === 'converted' ? layoutOf(slice) : undefined;
      if (layout) owner.use(new LayoutMemory(layout, pointer));
      else if (placement.kind === 'resident') arena.place(pointer, placement.offset + skewOf(slice));
    }),
  );
  const binder = owner.use(new LayoutBinder());
  const streamed = plan.streamed.map((id) => at(plan.slices, id));

  const bind = (segments: readonly WeightSegment[]) => {
    const tensors = [...residents.tensors];
    const blocks: Block[] = [];
    const place = (slice: Slice, tensor: SliceTensor): void => {
      const { offset, after, converted } = at(segments, blocks.length);
      const { start, bytes, skew } = pageSpanOf(slice.extent, pageBytes);
      const into = uploads?.to(ring, offset, slice) ?? sharedBytes(ring).view(offset, bytes);
      const block = { file: slice.extent.file, position: start, into, after };
      const layout = converted === undefined ? undefined : layoutOf(slice);
      if (!layout || converted === undefined) {
        ring.place(tensor.pointer, offset + skewOf(slice));
        blocks.push(block);
      } else {
        binder.place(layout, tensor.pointer, sharedBytes(ring).address(converted));
        const data = sharedBytes(ring).view(offset + skew, slice.extent.length);
        blocks.push({ ...block, prepare: () => writeTensorAside(tensor.pointer, data) });
      }
      tensors[slice.id] = tensor;
    };
    owner.use(new SliceTensors(streamed, place));
    return { blocks, tensors, weights: weightsOf(model, plan.slices, tensors) };
  };
  const { plain, loading, converting } = plan.ringModes;
  const bound = bind(plain);
  return {
    tensors: bound.tensors,
    plain: bound,
    loading: bind(loading),
    converting: converting && bind(converting),
  };
}
