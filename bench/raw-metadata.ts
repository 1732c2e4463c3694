import { Cursor } from '../src/gguf/cursor.ts';
import { valueBytes, valueTypes } from '../src/gguf/values.ts';
import type { MetadataValue } from './gguf-writer.ts';

function skipScalars(cursor: Cursor, typeId: number, count: number): void {
  const type = valueTypes[typeId];
  if (type === undefined || type === 'array') throw new Error(`${cursor.file} has a value of type ${typeId}`);
  if (type === 'string') cursor.skipStrings(count);
  else cursor.skip(count * valueBytes[type]);
}

function skipValue(cursor: Cursor, typeId: number): void {
  if (valueTypes[typeId] === 'array') skipScalars(cursor, cursor.u32(), cursor.u64());
  else skipScalars(cursor, typeId, 1);
}

/** The metadata of a GGUF file as they lie there, ready to be written to another. */
export function rawMetadata(path: string): Record<string, MetadataValue> {
  using cursor = new Cursor(path, 'GGUF'.length + 4); // the version, in 4 bytes, then two counts in 8
  cursor.u64();
  const count = cursor.u64();
  const metadata: Record<string, MetadataValue> = {};
  for (let i = 0; i < count; i += 1) {
    const key = cursor.string();
    const type = cursor.u32();
    const start = cursor.position;
    skipValue(cursor, type);
    using value = new Cursor(path, start);
    metadata[key] = { type, payload: Uint8Array.from(value.bytes(cursor.position - start)) };
  }
  return metadata;
}
