import type { Disposer } from '../base/disposer.ts';
import type { SliceTensor } from '../ggml/graph.ts';
import { type HostMemory, LayoutMemory } from '../ggml/host-memory.ts';
import type { Layout } from '../ggml/layout.ts';
import { LayoutBinder } from '../ggml/layout.ts';
import { pageBytes } from '../ggml/system.ts';
import type { Weight } from '../gguf/weight.ts';
import type { Weights } from '../model/architecture.ts';
import type { Plan } from '../plan/plan.ts';
import { type Slice, slotOf } from '../plan/slices.ts';
import { convert } from '../stream/convert.ts';
import { type StreamedSlice, streamedSlices } from '../stream/source.ts';
import { SliceTensors, weightsOf } from './weights.ts';

/** A way through the ring: what a pass reads, and the tensors that it computes on. */
export interface Route {
  readonly slices: readonly StreamedSlice[];
  readonly weights: Weights;
  /** Makes streamed slices, by their place in the plan and read by now, what the tensors expect. */
  prepare(slices: readonly number[]): Promise<void>;
}

/** The ways that a plan has. */
export interface Routes {
  /** Computes on the slices as they were read. */
  readonly plain: Route;
  /** Converts them to a faster kernel layout first, which pays when many tokens are computed at once. */
  readonly converting: Route | undefined;
}

/** The faster kernel layout of a slice, if it has one. */
export type LayoutOf = (slice: Slice) => Layout | undefined;

/** Where a plan's weights live, and in which kernel layouts. */
export interface WeightMemory {
  readonly arena: HostMemory;
  readonly ring: HostMemory;
  readonly layoutOf: LayoutOf;
}

/** Makes every slice of `plan` a tensor in its place; returns them, and the routes. What that takes is `owner`'s. */
export function bindWeights(
  plan: Plan,
  model: ReadonlyMap<string, Weight>,
  memory: WeightMemory,
  owner: Disposer,
): { tensors: readonly SliceTensor[]; routes: Routes } {
  const { arena, ring, layoutOf } = memory;
  const { tensors } = owner.use(
    new SliceTensors(plan.slices, (slice, { pointer }) => {
      const placement = plan.placements[slice.id];
      const { skew } = slotOf(slice.extent, pageBytes);
      const layout = placement?.kind === 'converted' ? layoutOf(slice) : undefined;
      if (layout) owner.use(new LayoutMemory(layout, pointer));
      else if (placement?.kind === 'resident') arena.place(pointer, placement.offset + skew);
      else if (placement?.kind === 'ring') ring.place(pointer, placement.offset + skew);
    }),
  );
  const plain: Route = {
    slices: streamedSlices(plan, ring),
    weights: weightsOf(model, plan.slices, tensors),
    prepare: () => Promise.resolve(),
  };
  const converting = plan.converting && convertingRoute(plan, model, { memory, tensors, owner });
  return { tensors, routes: { plain, converting } };
}

function convertingRoute(
  plan: Plan,
  model: ReadonlyMap<string, Weight>,
  { memory, tensors, owner }: { memory: WeightMemory; tensors: readonly SliceTensor[]; owner: Disposer },
): Route {
  const { ring, layoutOf } = memory;
  const binder = owner.use(new LayoutBinder());
  const turns = new Map(plan.streamed.map((id, turn) => [id, plan.converting?.[turn]]));
  const streamed = plan.slices.filter((slice) => turns.has(slice.id));
  const conversions = new Map<number, () => Promise<void>>();
  const own = owner.use(
    new SliceTensors(streamed, (slice, { pointer }) => {
      const turn = turns.get(slice.id);
      if (!turn) return;
      const { skew } = slotOf(slice.extent, pageBytes);
      const read = turn.place.offset + skew;
      const layout = turn.converted === undefined ? undefined : layoutOf(slice);
      if (!layout || turn.converted === undefined) return ring.place(pointer, read);
      binder.place(layout, pointer, ring.address(turn.converted));
      conversions.set(slice.id, () => convert(pointer, ring.view(read, slice.extent.length)));
    }),
  );
  const all = [...tensors];
  for (const tensor of own.tensors) all[tensor.slice] = tensor;
  return {
    slices: streamedSlices(plan, ring, true),
    weights: weightsOf(model, plan.slices, all),
    prepare: async (slices) => {
      await Promise.all(slices.map((id) => conversions.get(id)?.()));
    },
  };
}
