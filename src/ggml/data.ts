import { loadGgml } from './api.ts';
import type { Pointer } from './library.ts';

/** Gives `tensor` its data from byte `offset` on, in the layout of the buffer that it lies in. */
export const writeTensor = (tensor: Pointer, data: ArrayBufferView, offset = 0): void => {
  loadGgml().ggml_backend_tensor_set(tensor, data, offset, data.byteLength);
};

/** `writeTensor` on a thread of its own: converting to a kernel layout takes a while. */
export const writeTensorAside = (tensor: Pointer, data: ArrayBufferView): Promise<void> =>
  new Promise((resolve, reject) => {
    loadGgml().ggml_backend_tensor_set.async(tensor, data, 0, data.byteLength, (error: Error | null) =>
      error ? reject(error) : resolve(),
    );
  });

/** Fills `data` with the first bytes of `tensor`. */
export const readTensor = (tensor: Pointer, data: ArrayBufferView): void => {
  loadGgml().ggml_backend_tensor_get(tensor, data, 0, data.byteLength);
};
