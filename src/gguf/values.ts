/** The types of metadata values; the index in the list is the number in the file. */
export const valueTypes = [
  'u8',
  'i8',
  'u16',
  'i16',
  'u32',
  'i32',
  'f32',
  'bool',
  'string',
  'array',
  'u64',
  'i64',
  'f64',
] as const;

export type ScalarType = Exclude<(typeof valueTypes)[number], 'array'>;

/** A 64-bit integer is a bigint only beyond 2^53. */
export type Scalar = number | bigint | boolean | string;

/** The least bytes of a value; an empty string is its length. */
export const valueBytes: Readonly<Record<ScalarType, number>> = {
  u8: 1,
  i8: 1,
  u16: 2,
  i16: 2,
  u32: 4,
  i32: 4,
  f32: 4,
  bool: 1,
  string: 8,
  u64: 8,
  i64: 8,
  f64: 8,
};
