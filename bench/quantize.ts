import koffi, { type KoffiFunc } from 'koffi';
import { loadLibraries, type Pointer } from '../src/ggml/library.ts';
import { type GgmlType, rowBytes, typeNamed } from '../src/gguf/types.ts';

type QuantizeChunk = (
  type: number,
  from: Float32Array,
  to: Uint8Array,
  start: number,
  rows: number,
  rowLength: number,
  importance: Float32Array | null,
) => number;
type ToFloat = (from: Uint8Array, to: Float32Array, count: number) => void;

interface Traits {
  readonly to_float: Pointer | null;
}

interface Functions {
  readonly quantizeChunk: QuantizeChunk;
  readonly needsImportance: (type: number) => boolean;
  /** Undefined for types that have none: integers, and f32 itself. */
  readonly toFloat: (type: number) => ToFloat | undefined;
}

function bind(): Functions {
  const { base } = loadLibraries();
  const traits = koffi.struct({
    type_name: 'const char *',
    blck_size: 'int64_t',
    blck_size_interleave: 'int64_t',
    type_size: 'size_t',
    is_quantized: 'bool',
    to_float: 'void *',
    from_float_ref: 'void *',
  });
  const toFloat = koffi.proto('void (const void *from, void *to, int64_t count)');
  const getTraits = base.func('const void *ggml_get_type_traits(int)') as KoffiFunc<(type: number) => Pointer>;
  return {
    quantizeChunk: base.func(
      'size_t ggml_quantize_chunk(int, const float *, void *, int64_t, int64_t, int64_t, const float *)',
    ),
    needsImportance: base.func('bool ggml_quantize_requires_imatrix(int)'),
    toFloat: (type) => {
      const { to_float: address } = koffi.decode(getTraits(type), traits) as Traits;
      return address ? (from, to, count) => koffi.call(address, toFloat, from, to, count) : undefined;
    },
  };
}

let functions: Functions | undefined;
const library = (): Functions => {
  functions ??= bind();
  return functions;
};

/** ggml has no quantizer for these: integers and float64, and the types of activations. */
const notQuantized: ReadonlySet<string> = new Set(['q8_1', 'q8_K', 'i8', 'i16', 'i32', 'i64', 'f64']);

/** Can `quantize` make it? */
export const isQuantizable = (type: GgmlType): boolean => !notQuantized.has(type.name);

/** The type with ggml's name; throws when there is none or it cannot be made. */
export function quantizable(name: string): GgmlType {
  const type = typeNamed(name);
  if (!type || !isQuantizable(type)) throw new Error(`${name} is not a type that weights can be quantized to`);
  return type;
}

/**
 * Quantizes whole rows of `rowLength` elements, a multiple of the type's block. All elements are equally important.
 * Throws for a type that ggml has no quantizer for.
 */
export function quantize(type: GgmlType, values: Float32Array, rowLength: number): Uint8Array {
  if (!isQuantizable(type)) throw new Error(`${type.name} is not a type that weights can be quantized to`);
  if (rowLength % type.block !== 0 || values.length % rowLength !== 0) {
    throw new Error(`${values.length} elements are not rows of ${rowLength} in blocks of ${type.block} (${type.name})`);
  }
  const { quantizeChunk, needsImportance } = library();
  const bytes = new Uint8Array(rowBytes(type, values.length));
  const importance = needsImportance(type.id) ? new Float32Array(rowLength).fill(1) : null;
  quantizeChunk(type.id, values, bytes, 0, values.length / rowLength, rowLength, importance);
  return bytes;
}

/** Whole blocks of any floating-point type -> float32. Throws for integer types. */
export function dequantize(type: GgmlType, bytes: Uint8Array): Float32Array {
  if (bytes.length % type.bytes !== 0) {
    throw new Error(`${bytes.length} bytes are not whole blocks of ${type.bytes} (${type.name})`);
  }
  const count = (bytes.length / type.bytes) * type.block;
  const values = new Float32Array(count);
  if (type.name === 'f32') {
    new Uint8Array(values.buffer).set(bytes);
    return values;
  }
  const toFloat = library().toFloat(type.id);
  if (!toFloat) throw new Error(`${type.name} is not a type of weights`);
  toFloat(bytes, values, count);
  return values;
}
