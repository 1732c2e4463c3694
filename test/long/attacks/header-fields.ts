/** A piece of a GGUF header that means something by itself. */
export interface Field {
  readonly kind: 'length' | 'text' | 'type' | 'count' | 'number';
  readonly bytes: Buffer;
}

/** A metadata entry or the description of a tensor: length and text of its name, and what follows. */
export type Entry = readonly Field[];

/** A GGUF header as its fields, whether or not they fit together. */
export interface Fields {
  readonly version: Buffer;
  /** Undefined: as many as there are. */
  readonly tensorCount?: Buffer;
  readonly entryCount?: Buffer;
  readonly entries: readonly Entry[];
  readonly tensors: readonly Entry[];
}

const stringType = 8;
const arrayType = 9;
const scalarBytes = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

export function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
  return bytes;
}

/** A text with its length before it. */
export function textFields(text: string | Buffer): [Field, Field] {
  const bytes = Buffer.from(text);
  return [
    { kind: 'length', bytes: u64(BigInt(bytes.length)) },
    { kind: 'text', bytes },
  ];
}

/** The name of an entry. */
export const nameOf = (entry: Entry): string => entry[1]?.bytes.toString() ?? '';

/** The fields of a sound header. */
export function parseFields(header: Buffer): Fields {
  let at = 4;
  const take = (bytes: number): Buffer => {
    at += bytes;
    return Buffer.from(header.subarray(at - bytes, at));
  };
  const field = (kind: Field['kind'], bytes: number): Field => ({ kind, bytes: take(bytes) });
  const text = (): Field[] => {
    const length = field('length', 8);
    return [length, field('text', Number(length.bytes.readBigUInt64LE()))];
  };
  const value = (type: number): Field[] => {
    if (type === stringType) return text();
    if (type !== arrayType) return [field('number', scalarBytes[type] ?? 0)];
    const inner = field('type', 4);
    const count = field('count', 8);
    const elements = Array.from({ length: Number(count.bytes.readBigUInt64LE()) }, () =>
      value(inner.bytes.readUInt32LE()),
    );
    return [inner, count, ...elements.flat()];
  };
  const entry = (): Entry => {
    const name = text();
    const type = field('type', 4);
    return [...name, type, ...value(type.bytes.readUInt32LE())];
  };
  const tensor = (): Entry => {
    const name = text();
    const dimensions = field('count', 4);
    const shape = Array.from({ length: dimensions.bytes.readUInt32LE() }, () => field('number', 8));
    return [...name, dimensions, ...shape, field('type', 4), field('number', 8)];
  };
  const version = take(4);
  const tensorCount = Number(take(8).readBigUInt64LE());
  const entryCount = Number(take(8).readBigUInt64LE());
  return {
    version,
    entries: Array.from({ length: entryCount }, entry),
    tensors: Array.from({ length: tensorCount }, tensor),
  };
}

/** The header that the fields make. */
export const joinFields = ({ version, tensorCount, entryCount, entries, tensors }: Fields): Buffer =>
  Buffer.concat([
    Buffer.from('GGUF'),
    version,
    tensorCount ?? u64(BigInt(tensors.length)),
    entryCount ?? u64(BigInt(entries.length)),
    ...[...entries, ...tensors].flat().map(({ bytes }) => bytes),
  ]);
