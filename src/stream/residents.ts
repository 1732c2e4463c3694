import { allSettled } from '../base/settled.ts';
import type { HostMemory } from '../ggml/host-memory.ts';
import type { Pointer } from '../ggml/library.ts';
import { pageBytes } from '../ggml/system.ts';
import type { Plan } from '../plan/plan.ts';
import { layRing } from '../plan/ring.ts';
import { type Slice, slotOf } from '../plan/slices.ts';
import { convert } from './convert.ts';
import type { Reader } from './reader.ts';
import { type Lease, WeightSource } from './source.ts';

/** Slices converted at once, on a thread each. The ring holds as many more, which are being read meanwhile. */
const conversions = 2;

export interface LoadOptions {
  /** Called with the bytes loaded so far, and those there are. */
  readonly onProgress?: ((loaded: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Bytes of memory for the residents that keep the file's layout. */
export const arenaBytes = (plan: Plan): number =>
  plan.slices
    .filter((s) => plan.placements[s.id]?.kind === 'resident')
    .reduce((sum, s) => sum + slotOf(s.extent, pageBytes).bytes, 0);

/**
 * Reads what stays resident: slices in the file's layout straight to their place in `arena`, converted ones through
 * `ring`, which nothing uses yet. `tensors` are by slice. Rejects with READ_FAILED, FILE_CHANGED, or the signal's reason.
 */
export async function loadResidents(
  plan: Plan,
  reader: Reader,
  memory: { arena: HostMemory; ring: HostMemory; tensors: readonly { pointer: Pointer }[] },
  options: LoadOptions = {},
): Promise<void> {
  const resident = plan.slices.filter((s) => plan.placements[s.id]?.kind !== 'ring');
  const total = resident.reduce((sum, s) => sum + s.extent.length, 0);
  let loaded = 0;
  const done = (slice: Slice): void => {
    options.signal?.throwIfAborted();
    loaded += slice.extent.length;
    options.onProgress?.(loaded, total);
  };
  await loadInPlace(plan, reader, memory.arena, done);
  await loadConverted(plan, reader, memory, done);
}

async function loadInPlace(plan: Plan, reader: Reader, arena: HostMemory, done: (slice: Slice) => void): Promise<void> {
  const reads: Promise<void>[] = [];
  for (const slice of plan.slices) {
    const placement = plan.placements[slice.id];
    if (placement?.kind !== 'resident') continue;
    const slot = slotOf(slice.extent, pageBytes);
    const into = arena.view(placement.offset, slot.bytes);
    reads.push(reader.read(slice.extent.file, into, slot.start).then(() => done(slice)));
  }
  await allSettled(reads);
}

async function loadConverted(
  plan: Plan,
  reader: Reader,
  { ring, tensors }: { ring: HostMemory; tensors: readonly { pointer: Pointer }[] },
  done: (slice: Slice) => void,
): Promise<void> {
  const slices = plan.slices.filter((s) => plan.placements[s.id]?.kind === 'converted');
  const slots = slices.map((s) => slotOf(s.extent, pageBytes));
  const places = layRing(
    slots.map((slot) => slot.bytes),
    ring.bytes,
  );
  const staged = slices.map((slice, i) => {
    const [slot, ringPlace] = [slots[i] ?? slotOf(slice.extent, pageBytes), places[i] ?? { offset: 0, after: 1 }];
    const into = ring.view(ringPlace.offset, slot.bytes);
    return { slice, file: slice.extent.file, slot, into, after: ringPlace.after };
  });
  const source = new WeightSource(reader);
  await source.follow(staged, 1);
  const underWay: { slice: Slice; lease: Lease; converted: Promise<void> }[] = [];
  const finish = async (): Promise<void> => {
    const oldest = underWay.shift();
    if (!oldest) return;
    using _lease = oldest.lease;
    await oldest.converted;
    done(oldest.slice);
  };
  try {
    for (const { slice, slot, into } of staged) {
      if (underWay.length === conversions) await finish();
      const lease = await source.lease(1);
      const tensor = tensors[slice.id]?.pointer ?? 0n;
      const converted = convert(tensor, into.subarray(slot.skew, slot.skew + slice.extent.length));
      underWay.push({ slice, lease, converted });
    }
    while (underWay.length > 0) await finish();
  } finally {
    // Memory is not to go before the last conversion has ended.
    await Promise.allSettled(underWay.map(({ converted }) => converted));
  }
}
