import { loadGgml } from '../ggml/api.ts';
import type { Pointer } from '../ggml/library.ts';

/** Gives `tensor` its data, in the layout of the buffer that it lies in, on a thread of its own. */
export const convert = (tensor: Pointer, data: Uint8Array): Promise<void> =>
  new Promise((resolve, reject) => {
    loadGgml().ggml_backend_tensor_set.async(tensor, data, 0, data.length, (error: Error | null) =>
      error ? reject(error) : resolve(),
    );
  });
