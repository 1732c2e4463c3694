/** Bytes of a device's own memory, to which blocks come by way of the process's. */
export interface DeviceBytes {
  /** The memory that they are part of. */
  readonly buffer: object;
  readonly byteOffset: number;
  readonly byteLength: number;
  /** Reads them from the SSD and uploads them. Rejects with READ_FAILED, FILE_CHANGED. */
  bring(): Promise<void>;
}

/** Bytes of a file, and the memory that they are read to: whole pages of both. */
export interface Block {
  readonly file: number;
  readonly position: number;
  readonly into: Uint8Array | DeviceBytes;
  /** Blocks back in the endless order of its home, to the last one whose bytes it overwrites; see `RingSegment`. */
  readonly after: number;
  /** Number of times that the file's bytes were replaced: earlier reads are of no use then. */
  readonly version?: number;
  /** Makes the bytes ready to be computed on, once they have been read and each time that they are leased. */
  prepare?(): Promise<void> | void;
  /** Writes the present bytes back. Nothing overwrites them before this ends. */
  store?(): Promise<void>;
}

/** Blocks in place, until it is disposed. */
export interface Lease extends Disposable {
  /** Makes blocks that have been read ready to be computed on. */
  prepare?(): Promise<void>;
}

/** The lease of blocks that stay anyway. */
export const permanentLease: Lease = { [Symbol.dispose]: () => {} };

/** Memory for blocks, and their way to it. */
export interface Home {
  /** Waits until the blocks of these numbers are in place. Rejects with READ_FAILED, FILE_CHANGED. */
  lease(blocks: readonly number[]): Promise<Lease>;
}

/** Blocks that a step waits for: a function where they depend on the tokens, or on what was computed before. */
export interface Need {
  readonly home: Home;
  readonly blocks: readonly number[] | (() => readonly number[]);
}
