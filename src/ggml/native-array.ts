import koffi from 'koffi';
import type { Pointer } from './library.ts';

/**
 * Zeroed memory with a fixed address that C may keep and JavaScript sees through typed arrays. It lives outside the
 * moving heap. Disposal empties the views, so a late write from JavaScript does nothing; the caller sees to it that C
 * no longer uses the address by then.
 */
export class NativeArray implements Disposable {
  readonly address: Pointer;
  readonly bytes: Uint8Array;
  /** Views of the same memory, without the bytes of an incomplete last element. */
  readonly int32: Int32Array;
  readonly float32: Float32Array;

  readonly #buffer: ArrayBuffer;

  /** Memory of `length` bytes. */
  constructor(length: number) {
    const buffer = new ArrayBuffer(Math.max(length, 1));
    this.#buffer = buffer;
    this.address = koffi.address(buffer);
    this.bytes = new Uint8Array(buffer, 0, length);
    this.int32 = new Int32Array(buffer, 0, Math.floor(length / 4));
    this.float32 = new Float32Array(buffer, 0, Math.floor(length / 4));
  }

  [Symbol.dispose](): void {
    structuredClone(this.#buffer, { transfer: [this.#buffer] });
  }
}
