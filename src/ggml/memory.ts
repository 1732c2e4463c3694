import type { Pointer } from './library.ts';

/** C's GGML_BACKEND_BUFFER_USAGE_WEIGHTS: the contents of a buffer are there before a graph is computed. */
export const weightsUsage = 1;

/** Memory that tensors lie in; those of a model are read into it. `Device.memoryFor` gives it. */
export interface Memory extends Disposable {
  readonly bytes: number;
  /** The same bytes as the process sees them; undefined for memory of a device that is apart. */
  readonly shared: SharedBytes | undefined;
  /** Gives `tensor` its data at `offset`. A tensor is placed once. */
  place(tensor: Pointer, offset: number): void;
  /** The bytes [offset, offset + length), at most 4 GiB: shared, or copied from where the process does not see them. */
  read(offset: number, length: number): Uint8Array;
  /** Puts `bytes` at `offset`; JavaScript goes on while they are copied to another memory, and must leave them alone. */
  write(offset: number, bytes: Uint8Array): Promise<void>;
  /** Makes all bytes zeros. */
  clear(): void;
}

/** Bytes in the process's own memory. */
export interface SharedBytes {
  /** The bytes [offset, offset + length), at most 4 GiB, shared, not copied. They must not be touched after disposal. */
  view(offset: number, length: number): Uint8Array;
  /** The address of `offset`. */
  address(offset: number): Pointer;
  /** Makes all bytes zeros on a thread of its own: the first use of a GiB takes 0.3 s. */
  clearAside(): Promise<void>;
}

/** The bytes of memory that a device shares with the process. Throws RangeError for memory apart. */
export function sharedBytes({ shared }: Pick<Memory, 'shared'>): SharedBytes {
  if (!shared) throw new RangeError('the process does not see these bytes');
  return shared;
}
