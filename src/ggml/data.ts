import { at } from '../base/at.ts';
import { loadGgml } from './api.ts';
import { aside } from './aside.ts';
import type { Pointer } from './library.ts';
import { NativeArray } from './native-array.ts';
import {
  copyTensor,
  dataAddress,
  setData,
  setDimension,
  tensorShape,
  tensorStrides,
  tensorStructBytes,
} from './tensor-fields.ts';

/** Gives `tensor` its data from byte `offset` on, in the layout of the buffer that it lies in. */
export const writeTensor = (tensor: Pointer, data: ArrayBufferView, offset = 0): void => {
  loadGgml().ggml_backend_tensor_set(tensor, data, offset, data.byteLength);
};

/** `writeTensor` on a thread of its own: converting to a kernel layout takes a while. */
export const writeTensorAside = (tensor: Pointer, data: ArrayBufferView): Promise<void> =>
  aside(loadGgml().ggml_backend_tensor_set, tensor, data, 0, data.byteLength);

/** `writeTensorAside` of some experts of a bank (in, out, experts), which lie there at the addresses that they have in a file. */
export async function writeExpertsAside(
  bank: Pointer,
  { first, count }: { readonly first: number; readonly count: number },
  data: ArrayBufferView,
): Promise<void> {
  using experts = new NativeArray(tensorStructBytes);
  copyTensor(bank, experts.address);
  setDimension(experts.address, 2, count);
  setData(experts.address, dataAddress(bank) + BigInt(first * at(tensorStrides(bank), 2)));
  await writeTensorAside(experts.address, data);
}

/** Fills `data` with the first bytes of `tensor`. */
export const readTensor = (tensor: Pointer, data: ArrayBufferView): void => {
  loadGgml().ggml_backend_tensor_get(tensor, data, 0, data.byteLength);
};

/** The rows of an int32 tensor (n, rows), which may lie apart, one after the other. */
export function readIntegers(tensor: Pointer): Int32Array {
  const [n, rows] = tensorShape(tensor) as [number, number];
  const [, stride] = tensorStrides(tensor) as [number, number];
  const values = new Int32Array(n * rows);
  for (let row = 0; row < rows; row += 1) {
    loadGgml().ggml_backend_tensor_get(tensor, values.subarray(row * n, (row + 1) * n), row * stride, 4 * n);
  }
  return values;
}
