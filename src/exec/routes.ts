import type { Weights } from '../arch/architecture.ts';
import { at } from '../base/at.ts';
import type { Disposer } from '../base/disposer.ts';
import type { SliceTensor } from '../ggml/graph.ts';
import { type HostMemory, LayoutMemory } from '../ggml/host-memory.ts';
import type { Layout } from '../ggml/layout.ts';
import { LayoutBinder } from '../ggml/layout.ts';
import { pageBytes } from '../ggml/system.ts';
import type { Weight } from '../gguf/weight.ts';
import { convert } from '../pager/convert.ts';
import { type StreamedSlice, streamedSlices } from '../pager/weight-source.ts';
import type { ConvertingSegment } from '../plan/converting.ts';
import type { Plan } from '../plan/plan.ts';
import { layRing } from '../plan/ring.ts';
import { pageSpanOf, type Slice } from '../plan/slices.ts';
import { SliceTensors, weightsOf } from './slice-tensors.ts';

/** A way through the ring: the reads of a pass, and the tensors that it computes on. */
export interface Route {
  readonly slices: readonly StreamedSlice[];
  readonly weights: Weights;
  /** Prepares streamed slices, given by their index in the plan and read by now, for the tensors. */
  prepare(slices: readonly number[]): Promise<void>;
}

/** The routes of a plan. */
export interface Routes {
  /** The route of a pass in which residents are loaded. */
  readonly loading: Route;
  /** The route that computes on slices as they were read. */
  readonly plain: Route;
  /**
   * The route that converts slices to a faster kernel layout first, which pays when many tokens are computed at once.
   */
  readonly converting: Route | undefined;
}

/** The faster kernel layout of a slice, if it has one. */
export type LayoutOf = (slice: Slice) => Layout | undefined;

/** Memory of a plan's weights, and their kernel layouts. */
export interface WeightMemory {
  readonly arena: HostMemory;
  readonly ring: HostMemory;
  readonly layoutOf: LayoutOf;
}

/** Makes every slice of `plan` a tensor in its place; returns the tensors, and the routes. `owner` frees them. */
export function bindWeights(
  plan: Plan,
  model: ReadonlyMap<string, Weight>,
  memory: WeightMemory,
  owner: Disposer,
): { tensors: readonly SliceTensor[]; routes: Routes } {
  const { arena, ring, layoutOf } = memory;
  const { tensors } = owner.use(
    new SliceTensors(plan.slices, (slice, { pointer }) => {
      const placement = at(plan.placements, slice.id);
      const { skew } = pageSpanOf(slice.extent, pageBytes);
      const layout = placement.kind === 'converted' ? layoutOf(slice) : undefined;
      if (layout) owner.use(new LayoutMemory(layout, pointer));
      else if (placement.kind === 'resident') arena.place(pointer, placement.offset + skew);
      else if (placement.kind === 'ring') ring.place(pointer, placement.offset + skew);
    }),
  );
  const streamed = plan.streamed.map((id) => at(plan.slices, id));
  const places = streamed.flatMap(({ id }) => {
    const placement = at(plan.placements, id);
    return placement.kind === 'ring' ? [placement] : [];
  });
  const plain: Route = {
    slices: streamedSlices(streamed, places, ring),
    weights: weightsOf(model, plan.slices, tensors),
    prepare: () => Promise.resolve(),
  };
  const parts = { memory, streamed, tensors, owner };
  const loading = loadingRoute(plan, model, parts);
  const converting = plan.converting && convertingRoute(plan.converting, plan, model, parts);
  return { tensors, routes: { loading, plain, converting } };
}

/** The parts that routes are made of. */
interface RouteParts {
  readonly memory: WeightMemory;
  /** The slices that stream, in order of use. */
  readonly streamed: readonly Slice[];
  /** Tensors by slice, each in its place. */
  readonly tensors: readonly SliceTensor[];
  readonly owner: Disposer;
}

/** The loading route: residents pass through the second half of the ring, the streamed slices through the first. */
function loadingRoute(plan: Plan, model: ReadonlyMap<string, Weight>, parts: RouteParts): Route {
  const { memory, streamed, tensors, owner } = parts;
  const { ring } = memory;
  const places = layRing(
    streamed.map(({ extent }) => pageSpanOf(extent, pageBytes).bytes),
    plan.shares.ring / 2,
  );
  const turns = new Map(streamed.map(({ id }, turn) => [id, at(places, turn)]));
  const own = owner.use(
    new SliceTensors(streamed, ({ id, extent }, { pointer }) => {
      const place = turns.get(id);
      if (place) ring.place(pointer, place.offset + pageSpanOf(extent, pageBytes).skew);
    }),
  );
  return {
    slices: streamedSlices(streamed, places, ring),
    weights: weightsOf(model, plan.slices, replaced(tensors, own.tensors)),
    prepare: () => Promise.resolve(),
  };
}

function convertingRoute(
  converting: readonly ConvertingSegment[],
  plan: Plan,
  model: ReadonlyMap<string, Weight>,
  { memory, streamed, tensors, owner }: RouteParts,
): Route {
  const { ring, layoutOf } = memory;
  const binder = owner.use(new LayoutBinder());
  const turns = new Map(streamed.map(({ id }, turn) => [id, at(converting, turn)]));
  const conversions = new Map<number, () => Promise<void>>();
  const own = owner.use(
    new SliceTensors(streamed, (slice, { pointer }) => {
      const turn = turns.get(slice.id);
      if (!turn) return;
      const { skew } = pageSpanOf(slice.extent, pageBytes);
      const read = turn.segment.offset + skew;
      const layout = turn.converted === undefined ? undefined : layoutOf(slice);
      if (!layout || turn.converted === undefined) return ring.place(pointer, read);
      binder.place(layout, pointer, ring.address(turn.converted));
      conversions.set(slice.id, () => convert(pointer, ring.view(read, slice.extent.length)));
    }),
  );
  return {
    slices: streamedSlices(
      streamed,
      converting.map(({ segment }) => segment),
      ring,
    ),
    weights: weightsOf(model, plan.slices, replaced(tensors, own.tensors)),
    prepare: async (slices) => {
      await Promise.all(slices.map((id) => conversions.get(id)?.()));
    },
  };
}

/** `tensors`, by slice, with those in `own` replaced. */
function replaced(tensors: readonly SliceTensor[], own: readonly SliceTensor[]): readonly SliceTensor[] {
  const all = [...tensors];
  for (const tensor of own) all[tensor.slice] = tensor;
  return all;
}
