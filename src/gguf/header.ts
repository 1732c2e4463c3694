import { at } from '../base/at.ts';
import { alignUp } from '../base/bytes.ts';
import { EngineError } from '../base/errors.ts';
import { Cursor } from './cursor.ts';
import { type Metadata, readMetadata } from './metadata.ts';
import { rowBytes, typeNumbered } from './types.ts';
import { elementCount, type Weight } from './weight.ts';

const defaultAlignment = 32;
const alignmentKey = 'general.alignment';
const versions: readonly number[] = [2, 3];
// Models with one tensor per expert have about 50 thousand.
const mostEntries = 2 ** 20;
// Least bytes of an entry: a name of one byte and a value of one; a name of one byte and one dimension.
const leastMetadata = 8 + 1 + 4 + 1;
const leastTensor = 8 + 1 + 4 + 8 + 4 + 8;
const longestName = 63;
const mostDimensions = 4;

/** One GGUF file without its tensor data. `dataOffset` and `size` are in bytes. */
export interface Header {
  readonly path: string;
  readonly size: number;
  readonly version: number;
  readonly alignment: number;
  readonly metadata: Metadata;
  readonly weights: ReadonlyMap<string, Weight>;
  readonly dataOffset: number;
}

function checkMagic(cursor: Cursor): void {
  const bytes = cursor.bytes(Math.min(4, cursor.size));
  const text = bytes.toString('latin1');
  if (text === 'GGUF') return;
  const shown = /^[ -~]+$/.test(text) ? `"${text}"` : `0x${bytes.toString('hex')}`;
  throw new EngineError('NOT_GGUF', { file: cursor.file, found: text === '' ? 'nothing, it is empty' : shown });
}

function readVersion(cursor: Cursor): number {
  const version = cursor.u32();
  if (!versions.includes(version)) throw new EngineError('GGUF_VERSION', { file: cursor.file, version });
  return version;
}

function checkCount(cursor: Cursor, count: number, what: string, least: number): void {
  if (count > mostEntries) throw cursor.corrupt(`it claims ${count} ${what}`);
  cursor.section = `a list of ${count} ${what}`;
  cursor.expect(count * least);
}

function alignmentOf(metadata: Metadata): number {
  const alignment = metadata.number(alignmentKey, defaultAlignment);
  const whole = Number.isInteger(alignment) && alignment >= 1 && alignment <= 2 ** 31;
  if (!whole || (alignment & (alignment - 1)) !== 0) {
    const what = `is ${alignment}, not a power of two`;
    throw new EngineError('METADATA_INVALID', { file: metadata.file, key: alignmentKey, what });
  }
  return alignment;
}

function readShape(cursor: Cursor, name: string): readonly number[] {
  const dimensions = cursor.u32();
  if (dimensions < 1 || dimensions > mostDimensions) {
    throw cursor.corrupt(`tensor ${name} has ${dimensions} dimensions`);
  }
  const shape = Array.from({ length: dimensions }, () => cursor.u64());
  if (shape.includes(0) || !Number.isSafeInteger(elementCount(shape))) {
    throw cursor.corrupt(`tensor ${name} has the shape [${shape.join(', ')}]`);
  }
  return shape;
}

/** Reads a tensor's description. The extent's offset still counts from the start of the data. */
function readWeight(cursor: Cursor, file: number): Weight {
  const name = cursor.name(longestName);
  cursor.section = `the description of tensor ${name}`;
  const shape = readShape(cursor, name);
  const id = cursor.u32();
  const type = typeNumbered(id);
  if (!type) throw new EngineError('UNKNOWN_TENSOR_TYPE', { tensor: name, type: id });
  if (at(shape, 0) % type.block !== 0) {
    throw cursor.corrupt(`tensor ${name} has rows of ${shape[0]} elements, but ${type.name} comes in ${type.block}s`);
  }
  const offset = cursor.u64();
  return { name, type, shape, extent: { file, offset, length: rowBytes(type, elementCount(shape)) } };
}

/** Moves a weight to its place in the file, if that is a possible one. */
function place(weight: Weight, header: Omit<Header, 'weights'>): Weight {
  const { path: file, size, alignment, dataOffset } = header;
  const { name, extent } = weight;
  if (extent.offset % alignment !== 0) {
    const what = `tensor ${name} begins at ${extent.offset}, which is not a multiple of ${alignment}`;
    throw new EngineError('GGUF_CORRUPT', { file, what });
  }
  const offset = dataOffset + extent.offset;
  const needed = offset + extent.length;
  if (needed > size) throw new EngineError('GGUF_TRUNCATED', { file, needed, size, what: `tensor ${name}` });
  return { ...weight, extent: { ...extent, offset } };
}

function checkOverlap(file: string, weights: Iterable<Weight>): void {
  const sorted = [...weights].sort((a, b) => a.extent.offset - b.extent.offset);
  for (const [i, { name, extent }] of sorted.entries()) {
    const next = sorted[i + 1];
    if (next && extent.offset + extent.length > next.extent.offset) {
      throw new EngineError('GGUF_CORRUPT', { file, what: `tensors ${name} and ${next.name} overlap` });
    }
  }
}

/**
 * Reads the header of one GGUF file (version 2 or 3), without its vocabulary and data; `file` is the index of the shard
 * in the extents. Throws the errors of a cursor, and NOT_GGUF, GGUF_VERSION, UNKNOWN_TENSOR_TYPE and METADATA_INVALID.
 */
export function readHeader(path: string, file = 0): Header {
  using cursor = new Cursor(path);
  checkMagic(cursor);
  const version = readVersion(cursor);
  const tensorCount = cursor.u64();
  const metadataCount = cursor.u64();
  checkCount(cursor, tensorCount, 'tensors', leastTensor);
  checkCount(cursor, metadataCount, 'metadata entries', leastMetadata);
  const metadata = readMetadata(cursor, metadataCount);
  const alignment = alignmentOf(metadata);
  const relative = new Map<string, Weight>();
  for (let i = 0; i < tensorCount; i += 1) {
    cursor.section = `the description of tensor ${i + 1} of ${tensorCount}`;
    const weight = readWeight(cursor, file);
    if (relative.has(weight.name)) throw cursor.corrupt(`it has two tensors named ${weight.name}`);
    relative.set(weight.name, weight);
  }
  const dataOffset = alignUp(cursor.position, alignment);
  const header = { path, size: cursor.size, version, alignment, metadata, dataOffset };
  const weights = new Map([...relative].map(([name, weight]) => [name, place(weight, header)]));
  checkOverlap(path, weights.values());
  return { ...header, weights };
}
