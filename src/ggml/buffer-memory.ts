import koffi from 'koffi';
import { EngineError } from '../base/errors.ts';
import { loadGgml } from './api.ts';
import { Callback } from './callback.ts';
import type { GraphDevice } from './device.ts';
import { loadLibraries, type Pointer } from './library.ts';
import { bufferTypeStruct, callbacks } from './llama-graph-api.ts';

/**
 * Memory behind the buffers of the CPU and a device that are made: `untouched` where it comes with its first use (libllama fills with
 * zeros whatever it keeps of texts), `none` where there are addresses only, which can be measured.
 */
export type BufferMemory = 'untouched' | 'none';

/** Offset of the function `alloc_buffer` in `struct ggml_backend_buffer_type`. */
const allocate = koffi.offsetof(bufferTypeStruct, 'alloc_buffer');
/** Offsets in `struct ggml_backend_buffer` (`ggml-backend-impl.h`), bytes: eleven functions, and more. */
const at = { set: 32, get: 40, clear: 72, type: 88, size: 104 } as const;
const address = 4096n;
/** Blocks of this size are mapped by themselves, and zeros: `mapLargeBlocks`. Smaller ones may be filled. */
const largeBlock = 2 ** 20;

/** Functions that fill a buffer, and write to one, and do not. They are there as long as the process, as buffers may be. */
let idle: { readonly clear: Callback; readonly set: Callback } | undefined;
const idleFunctions = () => {
  idle ??= { clear: new Callback(callbacks.clear, () => {}), set: new Callback(callbacks.set, () => {}) };
  return idle;
};

/**
 * Gives a buffer the type of a device, for which it has addresses and no memory: where an operation is missing there, libllama
 * reads what it works on, and gets nothing.
 */
export const setBufferType = (buffer: Pointer, type: Pointer): void => {
  koffi.encode(buffer, at.type, 'void *', type);
  koffi.encode(buffer, at.get, 'void *', idleFunctions().set.address);
};

/**
 * Does `work`, in which the buffers of the CPU and of `device` have that memory, those that lie beside wrapped memory too.
 * Throws LIBRARY_DIFFERS for a library whose structs have another order.
 */
export function withBufferMemory<T>(memory: BufferMemory, work: () => T, device?: GraphDevice): T {
  const api = loadGgml();
  const cpu = api.ggml_backend_cpu_buffer_type();
  checkOrder(cpu);
  const ofDevice = device?.pointer ? typesOf(device.pointer, device.bufferType) : [];
  const originals = new Map(
    [cpu, wrappedType(), ...ofDevice].map((type) => [type, koffi.decode(type, allocate, 'void *') as Pointer]),
  );
  const { clear, set } = idleFunctions();
  using replaced = new Callback(callbacks.allocate, (self: Pointer, size: number | bigint): Pointer | null => {
    const bytes = Number(size);
    const buffer =
      memory === 'none'
        ? api.ggml_backend_cpu_buffer_from_ptr(address, bytes)
        : (koffi.call(originals.get(self), callbacks.allocate, self, bytes) as Pointer);
    if (memory === 'none' && ofDevice.includes(self)) setBufferType(buffer, self);
    if (buffer && (memory === 'none' || bytes >= largeBlock)) koffi.encode(buffer, at.clear, 'void *', clear.address);
    if (buffer && memory === 'none') koffi.encode(buffer, at.set, 'void *', set.address);
    return buffer;
  });
  for (const type of originals.keys()) koffi.encode(type, allocate, 'void *', replaced.address);
  try {
    return work();
  } finally {
    for (const [type, original] of originals) koffi.encode(type, allocate, 'void *', original);
  }
}

/** The types of a device's buffers: those that it computes in, and those of the process that it copies from. */
function typesOf(device: Pointer, own: Pointer): readonly Pointer[] {
  const staging = loadGgml().ggml_backend_dev_host_buffer_type(device);
  return staging ? [own, staging] : [own];
}

/** The type of buffers around memory of others, such as those of weights: libllama asks it for what belongs to one. */
function wrappedType(): Pointer {
  const api = loadGgml();
  const buffer = api.ggml_backend_cpu_buffer_from_ptr(address, 1);
  const type: Pointer = koffi.decode(buffer, at.type, 'void *');
  api.ggml_backend_buffer_free(buffer);
  return type;
}

/** Looks for what a buffer is made of where it should be. */
function checkOrder(type: Pointer): void {
  const api = loadGgml();
  const bytes = 12345;
  const buffer = api.ggml_backend_buft_alloc_buffer(type, bytes);
  if (!buffer) throw new EngineError('OUT_OF_MEMORY', { bytes, what: 'a buffer' });
  const isKnown =
    koffi.decode(buffer, at.type, 'void *') === type && Number(koffi.decode(buffer, at.size, 'size_t')) === bytes;
  api.ggml_backend_buffer_free(buffer);
  if (!isKnown) {
    throw new EngineError('LIBRARY_DIFFERS', { folder: loadLibraries().folder, what: 'struct ggml_backend_buffer' });
  }
}
