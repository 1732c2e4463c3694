import koffi from 'koffi';
import { EngineError } from '../base/errors.ts';
import { type Ggml, loadGgml } from './api.ts';
import { loadLibraries, type Pointer } from './library.ts';

/**
 * Offsets in `struct ggml_tensor` (`ggml.h`), bytes. The functions of this file are the only ones that know them;
 * `checkTensorFields` compares them with what the library itself writes.
 */
const at = {
  type: 0,
  buffer: 8,
  shape: 16,
  strides: 48,
  operation: 80,
  parameters: 84,
  flags: 148,
  sources: 152,
  viewSource: 232,
  viewOffset: 240,
  data: 248,
  name: 256,
  /** Unused by the library, and zero in a tensor that it makes. */
  padding: 328,
} as const;

/** Bytes of the struct. */
export const tensorStructBytes = 336;
/** Dimensions that every tensor has. */
const dimensions = 4;
/** The most sources of a tensor. */
export const maxSources = 10;
/** Bytes of `struct ggml_object`, which a context puts before each tensor. */
const objectBytes = 32;
const parameterBytes = 64;
const nameBytes = 64;
const pointerBytes = 8;

/** Some of C's `enum ggml_tensor_flag`: bits of `flagsOf`. */
export const tensorFlags = { input: 1, output: 2, compute: 16 } as const;

const pointerAt = (tensor: Pointer, offset: number): Pointer => koffi.decode(tensor, offset, 'void *') ?? 0n;

const structAt = (tensor: Pointer): Uint8Array => new Uint8Array(koffi.view(tensor, tensorStructBytes));

const numbersAt = (tensor: Pointer, offset: number): number[] =>
  Array.from({ length: dimensions }, (_, i) => Number(koffi.decode(tensor, offset + 8 * i, 'int64_t')));

/** The element type, a number of `ggmlTypes`. */
export const tensorType = (tensor: Pointer): number => koffi.decode(tensor, at.type, 'int32_t');

/** The elements of each dimension, first the one that lies contiguous; always four. */
export const tensorShape = (tensor: Pointer): number[] => numbersAt(tensor, at.shape);

/** Changes the elements of a dimension; those of others and all strides stay. */
export const setDimension = (tensor: Pointer, dimension: number, elements: number): void => {
  koffi.encode(tensor, at.shape + 8 * dimension, 'int64_t', elements);
};

/** The bytes from one element of each dimension to the next; always four. */
export const tensorStrides = (tensor: Pointer): number[] => numbersAt(tensor, at.strides);

const operationNames: string[] = [];

/** The name of the operation that computes the tensor, such as MUL_MAT; NONE for weights and inputs. */
export function tensorOp(tensor: Pointer): string {
  const operation: number = koffi.decode(tensor, at.operation, 'int32_t');
  operationNames[operation] ??= loadLibraries().base.func('const char *ggml_op_name(int)')(operation) as string;
  return operationNames[operation];
}

/** Parameters of the operation: int32 or float32 values, 64 bytes, shared with the tensor. */
export const opParams = (tensor: Pointer): DataView =>
  new DataView(koffi.view(tensor + BigInt(at.parameters), parameterBytes));

/** Gives `to` the parameters of `tensor`'s operation. */
export const copyOpParams = (tensor: Pointer, to: Pointer): void => {
  const [from, own] = [opParams(tensor), opParams(to)];
  for (let offset = 0; offset < parameterBytes; offset += 4) own.setInt32(offset, from.getInt32(offset));
};

/** Bits of `tensorFlags`. */
export const flagsOf = (tensor: Pointer): number => koffi.decode(tensor, at.flags, 'int32_t');

export const setFlags = (tensor: Pointer, flags: number): void => {
  koffi.encode(tensor, at.flags, 'int32_t', flags);
};

/** Source `index` of the operation, below `maxSources`; 0n where there is none. */
export const sourceOf = (tensor: Pointer, index: number): Pointer =>
  pointerAt(tensor, at.sources + pointerBytes * index);

const sourceArray = koffi.array('uint64_t', maxSources, 'Typed');

/** The sources of the operation; between them there may be 0n. */
export function sourcesOf(tensor: Pointer): readonly Pointer[] {
  const sources: BigUint64Array = koffi.decode(tensor, at.sources, sourceArray);
  return [...sources.subarray(0, sources.findLastIndex((source) => source !== 0n) + 1)];
}

export const setSource = (tensor: Pointer, index: number, source: Pointer): void => {
  koffi.encode(tensor, at.sources + pointerBytes * index, 'void *', source);
};

/** The tensor whose data a view shows, never a view itself; 0n if the tensor is no view. */
export const viewSourceOf = (tensor: Pointer): Pointer => pointerAt(tensor, at.viewSource);

/** Bytes from the data of `viewSourceOf` to those of the view. */
const viewOffsetOf = (tensor: Pointer): number => Number(koffi.decode(tensor, at.viewOffset, 'uint64_t'));

/** The address of the data; 0n if the tensor is not placed. */
export const dataAddress = (tensor: Pointer): Pointer => pointerAt(tensor, at.data);

/** Moves the tensor's data to `address`; views of it keep the address that they had. */
export const setData = (tensor: Pointer, address: Pointer): void => {
  koffi.encode(tensor, at.data, 'void *', address);
};

/** The buffer that the data lie in, which says their layout; 0n if the tensor is not placed. */
export const bufferOf = (tensor: Pointer): Pointer => pointerAt(tensor, at.buffer);

export const setBuffer = (tensor: Pointer, buffer: Pointer): void => {
  koffi.encode(tensor, at.buffer, 'void *', buffer);
};

/** Gives a view the buffer of the tensor that it shows, which devices other than the CPU ask for. Returns it. */
export function placedView(view: Pointer): Pointer {
  setBuffer(view, bufferOf(viewSourceOf(view)));
  return view;
}

/** Gives `tensor` the place of `other`: its buffer and data. Views of it keep the place that they had. */
export function placeAt(tensor: Pointer, other: Pointer): void {
  setBuffer(tensor, bufferOf(other));
  setData(tensor, dataAddress(other));
}

/** A number that was put on the tensor, which means nothing to the library; 0 on one that it has just made. */
export const markOf = (tensor: Pointer): number => koffi.decode(tensor, at.padding, 'int32_t');

export const setMark = (tensor: Pointer, mark: number): void => {
  koffi.encode(tensor, at.padding, 'int32_t', mark);
};

/** Makes the struct at `to`, of `tensorStructBytes`, a copy of `tensor`: the same operation on the same data. */
export const copyTensor = (tensor: Pointer, to: Pointer): void => {
  structAt(to).set(structAt(tensor));
};

/** Bytes of memory that are looked at as one. */
const windowBytes = 2 ** 20;
const wordBytes = 4;

/**
 * Pointers in the structs of many tensors, by their addresses as numbers: several times as fast as one by one where these
 * lie near each other, as in a graph. It is valid as long as the tensors are.
 */
export class TensorPointers {
  readonly #windows: Map<number, Uint32Array> = new Map();

  /** The address of source `index`, below `maxSources`; 0 where there is none. */
  source(tensor: number, index: number): number {
    return this.#read(tensor, at.sources + pointerBytes * index);
  }

  /** The address of the tensor whose data a view shows; 0 if the tensor is no view. */
  viewSource(tensor: number): number {
    return this.#read(tensor, at.viewSource);
  }

  #read(tensor: number, offset: number): number {
    const start = tensor - (tensor % windowBytes);
    let words = this.#windows.get(start);
    if (!words) {
      // Bytes between tensors are not touched: there may be no memory.
      words = new Uint32Array(koffi.view(BigInt(start), windowBytes + tensorStructBytes));
      this.#windows.set(start, words);
    }
    const low = (tensor - start + offset) / wordBytes;
    return (words[low] as number) + (words[low + 1] as number) * 2 ** 32;
  }
}

/** The name, at most 63 bytes of UTF-8. */
export const tensorName = (tensor: Pointer): string => koffi.decode(tensor, at.name, 'char', nameBytes);

/**
 * Compares the offsets above with tensors that the library makes. Throws LIBRARY_DIFFERS: with another struct, results
 * would be wrong.
 */
export function checkTensorFields(api: Ggml = loadGgml()): void {
  const context = api.ggml_init({ mem_size: 2 ** 16, mem_buffer: 0n, no_alloc: true });
  try {
    const [f32, epsilon, window] = [0, 0.5, 64n];
    const x = api.ggml_new_tensor_4d(context, f32, 2, 3, 5, 7);
    const buffer = api.ggml_backend_cpu_buffer_from_ptr(4096n, 4096);
    api.ggml_backend_tensor_alloc(buffer, x, 4096n + window);
    const view = api.ggml_view_2d(context, x, 2, 3, 16, 32);
    const norm = api.ggml_rms_norm(context, view, epsilon);
    const product = api.ggml_mul_mat(context, norm, view);
    api.ggml_set_input(x);
    api.ggml_set_output(norm);
    const facts: Readonly<Record<string, boolean>> = {
      size: api.ggml_tensor_overhead() - tensorStructBytes === objectBytes,
      type: tensorType(x) === f32 && tensorType(api.ggml_new_tensor_4d(context, 26, 1, 1, 1, 1)) === 26,
      ne: tensorShape(x).join() === '2,3,5,7',
      nb: tensorStrides(x).join() === '4,8,24,120' && tensorStrides(view).join() === '4,16,48,48',
      op: tensorOp(x) === 'NONE' && tensorOp(view) === 'VIEW' && tensorOp(product) === 'MUL_MAT',
      op_params: opParams(norm).getFloat32(0, true) === epsilon,
      flags: flagsOf(x) === tensorFlags.input && flagsOf(norm) === tensorFlags.output,
      src: sourcesOf(x).length === 0 && sourcesOf(product).join() === [norm, view].join(),
      view_src: viewSourceOf(x) === 0n && viewSourceOf(view) === x && viewOffsetOf(view) === 32,
      data: dataAddress(x) === 4096n + window && dataAddress(norm) === 0n,
      name: tensorName(view) === ' (view)',
      buffer: bufferOf(x) === buffer && bufferOf(norm) === 0n,
      padding: markOf(x) === 0 && markOf(product) === 0,
    };
    const wrong = Object.keys(facts).filter((field) => !facts[field]);
    api.ggml_backend_buffer_free(buffer);
    if (wrong.length > 0) {
      const { folder } = loadLibraries();
      throw new EngineError('LIBRARY_DIFFERS', { folder, what: `struct ggml_tensor has another ${wrong.join(', ')}` });
    }
  } finally {
    api.ggml_free(context);
  }
}
