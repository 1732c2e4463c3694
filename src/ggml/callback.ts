import koffi, { type TypeObject } from 'koffi';
import type { Pointer } from './library.ts';

/** A function that C calls on the thread of JavaScript, until it is disposed. */
export class Callback implements Disposable {
  readonly address: Pointer;

  /** A callback of C type `prototype`. */
  // biome-ignore lint/suspicious/noExplicitAny: the prototype says which values come.
  constructor(prototype: TypeObject, call: (...values: any[]) => unknown) {
    // Koffi's types call an address opaque; it is a bigint.
    this.address = koffi.register(call, koffi.pointer(prototype)) as unknown as Pointer;
  }

  [Symbol.dispose](): void {
    koffi.unregister(this.address);
  }
}
