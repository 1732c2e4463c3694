import { at } from '../base/at.ts';
import type { Disposer } from '../base/disposer.ts';
import type { Device } from '../ggml/device.ts';
import { pageBytes } from '../ggml/system.ts';
import type { Plan } from '../plan/plan.ts';
import { pageSpanOf } from '../plan/slices.ts';
import { ReadBuffers } from './read-buffers.ts';
import type { Reader } from './reader.ts';
import { Uploads } from './uploads.ts';

/** Buffers on the way to a device, and bytes of each: as many are read as most disks want for their full rate. */
const buffers = { count: 8, bytes: 8 * 2 ** 20 };

/** Bytes of the process's memory for buffers on the way to a device that is apart. */
export const uploadBytes: number = buffers.count * buffers.bytes;

/** The way to a device's memory, which `owner` frees; undefined for one that computes in ours. Throws OUT_OF_MEMORY. */
export function openUploads(
  plan: Plan,
  device: Device,
  reader: Pick<Reader, 'read'>,
  owner: Disposer,
): Uploads | undefined {
  if (device.memory === 'host') return undefined;
  const staging = device.stagingFor(uploadBytes, 'uploads');
  return new Uploads({
    reader,
    buffers: owner.use(new ReadBuffers(buffers.count, buffers.bytes, staging)),
    paddingOf: (slice) => device.paddingOf(slice),
    held: heldPages(plan, device, owner),
  });
}

function heldPages({ slices, host }: Plan, device: Device, owner: Disposer): ReadonlyMap<number, Uint8Array> {
  if (!host || host.held.length === 0) return new Map();
  const memory = owner.use(device.stagingFor(host.heldBytes, 'weights on the way to the device'));
  let offset = 0;
  return new Map(
    host.held.map((id) => {
      const { bytes } = pageSpanOf(at(slices, id).extent, pageBytes);
      offset += bytes;
      return [id, memory.view(offset - bytes, bytes)];
    }),
  );
}
