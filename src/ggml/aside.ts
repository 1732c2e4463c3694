import type { KoffiFunc } from 'koffi';

/** Calls a C function on a thread of its own; JavaScript goes on meanwhile. Memory among `args` stays until it returns. */
export const aside = <A extends unknown[], R>(call: KoffiFunc<(...args: A) => R>, ...args: A): Promise<R> =>
  new Promise((resolve, reject) => {
    // Koffi holds this function alone, not what it passes to C.
    call.async(...args, (error: Error | null, result: R) => (error ? reject(error) : resolve(result)));
  });
