import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { alignUp } from '../src/base/bytes.ts';
import { shardPath } from '../src/gguf/model-file.ts';
import { type GgmlType, rowBytes } from '../src/gguf/types.ts';
import { type Scalar, type ScalarType, valueTypes } from '../src/gguf/values.ts';
import { elementCount } from '../src/gguf/weight.ts';

/** A metadata value, ready for the file. */
export interface MetadataValue {
  readonly type: number;
  readonly payload: Uint8Array;
}

/** A tensor to write. A 'hole' takes no space on disk and reads as zeros; lazy data are asked for once, in order. */
export interface TensorSource {
  readonly name: string;
  readonly type: GgmlType;
  readonly shape: readonly number[];
  readonly data: Uint8Array | (() => Iterable<Uint8Array>) | 'hole';
}

export interface GgufSource {
  readonly metadata: Readonly<Record<string, MetadataValue>>;
  readonly tensors: readonly TensorSource[];
  /** A power of two; 32 unless given. */
  readonly alignment?: number;
  /** 2 or 3; 3 unless given. */
  readonly version?: number;
  /** Write this many shards, "name-00001-of-00002.gguf" and so on. */
  readonly split?: number;
}

type Entry = readonly [key: string, value: MetadataValue];

/** Writes one number of `bytes` bytes. */
const packed = (bytes: number, set: (view: DataView) => void): Uint8Array => {
  const view = new DataView(new ArrayBuffer(bytes));
  set(view);
  return new Uint8Array(view.buffer);
};

const packers: Readonly<Record<Exclude<ScalarType, 'string'>, (value: number | bigint) => Uint8Array>> = {
  u8: (n) => packed(1, (view) => view.setUint8(0, Number(n))),
  i8: (n) => packed(1, (view) => view.setInt8(0, Number(n))),
  u16: (n) => packed(2, (view) => view.setUint16(0, Number(n), true)),
  i16: (n) => packed(2, (view) => view.setInt16(0, Number(n), true)),
  u32: (n) => packed(4, (view) => view.setUint32(0, Number(n), true)),
  i32: (n) => packed(4, (view) => view.setInt32(0, Number(n), true)),
  f32: (n) => packed(4, (view) => view.setFloat32(0, Number(n), true)),
  bool: (n) => packed(1, (view) => view.setUint8(0, Number(n))),
  u64: (n) => packed(8, (view) => view.setBigUint64(0, BigInt(n), true)),
  i64: (n) => packed(8, (view) => view.setBigInt64(0, BigInt(n), true)),
  f64: (n) => packed(8, (view) => view.setFloat64(0, Number(n), true)),
};

const packString = (text: string): Uint8Array => {
  const bytes = Buffer.from(text);
  return Buffer.concat([packers.u64(bytes.length), bytes]);
};

const pack = (type: ScalarType, value: Scalar): Uint8Array =>
  type === 'string' ? packString(String(value)) : packers[type](typeof value === 'bigint' ? value : Number(value));

/** A metadata value of any scalar type. */
export const scalar = (type: ScalarType, value: Scalar): MetadataValue => ({
  type: valueTypes.indexOf(type),
  payload: pack(type, value),
});

export const u32 = (value: number): MetadataValue => scalar('u32', value);
export const i32 = (value: number): MetadataValue => scalar('i32', value);
export const f32 = (value: number): MetadataValue => scalar('f32', value);
export const u64 = (value: number | bigint): MetadataValue => scalar('u64', value);
export const bool = (value: boolean): MetadataValue => scalar('bool', value);
export const str = (value: string): MetadataValue => scalar('string', value);

/** An array whose elements all have one type. */
export const arr = (type: ScalarType, values: readonly Scalar[]): MetadataValue => ({
  type: valueTypes.indexOf('array'),
  payload: Buffer.concat([
    packers.u32(valueTypes.indexOf(type)),
    packers.u64(values.length),
    ...values.map((value) => pack(type, value)),
  ]),
});

/** Bytes of a tensor's data. */
export const tensorBytes = ({ type, shape }: TensorSource): number => rowBytes(type, elementCount(shape));

const packEntry = ([key, { type, payload }]: Entry): Uint8Array =>
  Buffer.concat([packString(key), packers.u32(type), payload]);

const packTensor = ({ name, type, shape }: TensorSource, offset: number): Uint8Array =>
  Buffer.concat([
    packString(name),
    packers.u32(shape.length),
    ...shape.map(packers.u64),
    packers.u32(type.id),
    packers.u64(offset),
  ]);

function packHeader(version: number, entries: readonly Entry[], tensors: readonly TensorSource[], alignment: number) {
  let offset = 0;
  const descriptions = tensors.map((tensor) => {
    const description = packTensor(tensor, offset);
    offset = alignUp(offset + tensorBytes(tensor), alignment);
    return description;
  });
  return Buffer.concat([
    Buffer.from('GGUF'),
    packers.u32(version),
    packers.u64(tensors.length),
    packers.u64(entries.length),
    ...entries.map(packEntry),
    ...descriptions,
  ]);
}

function writeAll(fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(fd, bytes, done, bytes.length - done, position + done);
  }
}

function writeTensor(fd: number, tensor: TensorSource, position: number): void {
  const { name, data } = tensor;
  if (data === 'hole') return;
  let written = 0;
  for (const chunk of data instanceof Uint8Array ? [data] : data()) {
    writeAll(fd, chunk, position + written);
    written += chunk.length;
  }
  const expected = tensorBytes(tensor);
  if (written !== expected) throw new Error(`tensor ${name} takes ${expected} bytes but was given ${written}`);
}

function writeFile(path: string, header: Uint8Array, tensors: readonly TensorSource[], alignment: number): void {
  const fd = openSync(path, 'w');
  try {
    writeAll(fd, header, 0);
    let position = tensors.length > 0 ? alignUp(header.length, alignment) : header.length;
    for (const tensor of tensors) {
      writeTensor(fd, tensor, position);
      position = alignUp(position + tensorBytes(tensor), alignment);
    }
    ftruncateSync(fd, position);
  } finally {
    closeSync(fd);
  }
}

/**
 * Writes a GGUF file, or shards with as equal numbers of tensors as possible, and returns the paths written.
 * Data go to the disk chunk by chunk, so a model may be much larger than memory.
 */
export function writeGguf(path: string, source: GgufSource): readonly string[] {
  const { metadata, tensors, alignment = 32, version = 3, split } = source;
  const aligned: Record<string, MetadataValue> = alignment === 32 ? {} : { 'general.alignment': u32(alignment) };
  const write = (file: string, own: Readonly<Record<string, MetadataValue>>, part: readonly TensorSource[]): string => {
    writeFile(file, packHeader(version, Object.entries({ ...aligned, ...own }), part, alignment), part, alignment);
    return file;
  };
  if (split === undefined) return [write(path, metadata, tensors)];
  const cut = (shard: number): number => Math.round((shard * tensors.length) / split);
  return Array.from({ length: split }, (_, i) => {
    const own = {
      ...(i === 0 ? metadata : {}),
      'split.no': scalar('u16', i),
      'split.count': scalar('u16', split),
      'split.tensors.count': i32(tensors.length),
    };
    return write(shardPath(path.replace(/\.gguf$/, ''), i + 1, split), own, tensors.slice(cut(i), cut(i + 1)));
  });
}
