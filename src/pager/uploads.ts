import { allSettled } from '../base/promises.ts';
import type { Memory } from '../ggml/memory.ts';
import { pageBytes } from '../ggml/system.ts';
import type { Extent } from '../gguf/weight.ts';
import { pageSpanOf, type Slice } from '../plan/slices.ts';
import type { DeviceBytes } from './block.ts';
import type { ReadBuffers } from './read-buffers.ts';
import type { Reader } from './reader.ts';

/** The pages of a slice that stay in the process's memory, once they have been read. */
interface HeldPages {
  readonly pages: Uint8Array;
  isRead: boolean;
}

/** Parts that bytes are uploaded with. */
export interface UploadParts {
  readonly reader: Pick<Reader, 'read'>;
  /** Memory that the device copies from fast. */
  readonly buffers: ReadBuffers;
  /** Bytes behind a slice that have to be zeros. */
  paddingOf(slice: Slice): number;
  /** Memory for the pages of slices that stay in it, by slice. */
  readonly held: ReadonlyMap<number, Uint8Array>;
}

/**
 * The way from the SSD to memory of a device that is apart: each part of an extent is uploaded from a buffer once it has
 * been read, while others are being read. Slices that are held come from the SSD once.
 */
export class Uploads {
  readonly #parts: UploadParts;
  readonly #held: ReadonlyMap<number, HeldPages>;

  constructor(parts: UploadParts) {
    this.#parts = parts;
    this.#held = new Map([...parts.held].map(([slice, pages]) => [slice, { pages, isRead: false }]));
  }

  /** The bytes of a slice and the zeros behind it, at `offset` of a memory. */
  to(memory: Memory, offset: number, slice: Slice): DeviceBytes {
    const { extent, id } = slice;
    const padding = this.#parts.paddingOf(slice);
    const held = this.#held.get(id);
    return {
      buffer: memory,
      byteOffset: offset,
      byteLength: extent.length + padding,
      bring: async () => {
        if (held) await this.#bringHeld(extent, held, memory, offset);
        else await this.bring(extent, memory, offset);
        if (padding > 0) await memory.write(offset + extent.length, new Uint8Array(padding));
      },
    };
  }

  async #bringHeld(extent: Extent, held: HeldPages, memory: Memory, offset: number): Promise<void> {
    const { start, skew } = pageSpanOf(extent, pageBytes);
    if (!held.isRead) await this.#parts.reader.read(extent.file, held.pages, start);
    held.isRead = true;
    await memory.write(offset, held.pages.subarray(skew, skew + extent.length));
  }

  /** Reads an extent and uploads it to `offset` of a memory. Rejects with READ_FAILED, FILE_CHANGED. */
  async bring(extent: Extent, memory: Memory, offset: number): Promise<void> {
    const { reader, buffers } = this.#parts;
    const { start, bytes, skew } = pageSpanOf(extent, pageBytes);
    const room = buffers.bytes;
    const parts = Array.from({ length: Math.ceil(bytes / room) }, (_, i) => i * room);
    const upload = async (done: number, buffer: Uint8Array): Promise<void> => {
      const pages = buffer.subarray(0, Math.min(room, bytes - done));
      await reader.read(extent.file, pages, start + done);
      const begin = Math.max(0, skew - done);
      const end = Math.min(pages.length, skew + extent.length - done);
      await memory.write(offset + done + begin - skew, pages.subarray(begin, end));
    };
    await allSettled(parts.map((done) => buffers.use((buffer) => upload(done, buffer), { last: false })));
  }
}
