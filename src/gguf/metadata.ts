import { EngineError } from '../base/errors.ts';
import { Cursor } from './cursor.ts';
import { type Scalar, type ScalarType, valueBytes, valueTypes } from './values.ts';

const longestKey = 2 ** 16 - 1;
// Today's largest vocabularies have 262 thousand tokens and 515 thousand merges.
const longestList = 2 ** 24;
// Longer strings (chat templates, licences) stay in the file.
const longestKept = 1024;

interface Kept {
  readonly kind: 'kept';
  readonly type: ScalarType;
  readonly value: Scalar;
}

/** A long string; `offset` is the file offset of its length. */
interface Text {
  readonly kind: 'text';
  readonly offset: number;
}

/** A list; `offset` is the file offset of the first of the `length` elements. */
interface List {
  readonly kind: 'list';
  readonly type: ScalarType;
  readonly length: number;
  readonly offset: number;
}

type Entry = Kept | Text | List;

/** An array as `Metadata.raw` shows it. */
interface ArrayInfo {
  readonly type: ScalarType;
  readonly length: number;
}

type Fallback<F> = readonly [] | readonly [F];

const isString = (value: Scalar): value is string => typeof value === 'string';
const isBoolean = (value: Scalar): value is boolean => typeof value === 'boolean';
const isNumber = (value: Scalar): value is number => typeof value === 'number';
const isScalar = (_: Scalar): _ is Scalar => true;
const isFiniteNumber = (value: Scalar): value is number => Number.isFinite(value);

function describe(entry: Entry): string {
  if (entry.kind === 'list') return `an array of ${entry.length} ${entry.type}`;
  return entry.kind === 'text' || entry.type === 'string' ? 'a string' : `${entry.value} (${entry.type})`;
}

/**
 * The metadata of one file. Arrays and long strings stay in the file and are read anew whenever they are asked for. A
 * getter takes the value for a missing key as one more argument; without it that is METADATA_MISSING. A value of
 * another type is METADATA_INVALID.
 */
export class Metadata {
  readonly file: string;
  readonly #entries: ReadonlyMap<string, Entry>;

  constructor(file: string, entries: ReadonlyMap<string, Entry>) {
    this.file = file;
    this.#entries = entries;
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /** Keys in the order of the file. */
  keys(): readonly string[] {
    return [...this.#entries.keys()];
  }

  string<F = never>(key: string, ...fallback: Fallback<F>): string | F {
    return this.#scalar(key, 'a string', isString, fallback);
  }

  /** A value of any integer or float type; 64-bit integers beyond 2^53, infinities and NaN are METADATA_INVALID. */
  number<F = never>(key: string, ...fallback: Fallback<F>): number | F {
    return this.#scalar(key, 'a finite number within 2^53', isFiniteNumber, fallback);
  }

  boolean<F = never>(key: string, ...fallback: Fallback<F>): boolean | F {
    return this.#scalar(key, 'a boolean', isBoolean, fallback);
  }

  isArray(key: string): boolean {
    return this.#entries.get(key)?.kind === 'list';
  }

  arrayLength<F = never>(key: string, ...fallback: Fallback<F>): number | F {
    const entry = this.#find(key, fallback);
    return entry ? this.#list(key, entry).length : (fallback[0] as F);
  }

  /** Reads a whole array of any integer or float type. */
  numbers<F = never>(key: string, ...fallback: Fallback<F>): number[] | F {
    return this.#array(key, 'numbers within 2^53', isNumber, fallback);
  }

  booleans<F = never>(key: string, ...fallback: Fallback<F>): boolean[] | F {
    return this.#array(key, 'booleans', isBoolean, fallback);
  }

  /** Reads a whole array of strings: 128k tokens take 80 ms and 5 MB. */
  strings<F = never>(key: string, ...fallback: Fallback<F>): string[] | F {
    return this.#array(key, 'strings', isString, fallback);
  }

  /** Reads a whole array of any type, to show it. */
  values(key: string): Scalar[] {
    return this.#array(key, 'values', isScalar, []);
  }

  /** The type of a value that the file has. */
  typeOf(key: string): ScalarType | 'array' {
    const entry = this.#find(key, []) as Entry;
    return entry.kind === 'list' ? 'array' : entry.kind === 'text' ? 'string' : entry.type;
  }

  /** The value as it is, to print it. An array is not read. */
  raw(key: string): Scalar | ArrayInfo {
    const entry = this.#find(key, []) as Entry;
    return entry.kind === 'list' ? { type: entry.type, length: entry.length } : this.#read(key, entry);
  }

  /** The entry of `key`; undefined only where there is a fallback. */
  #find(key: string, fallback: Fallback<unknown>): Entry | undefined {
    const entry = this.#entries.get(key);
    if (!entry && fallback.length === 0) throw new EngineError('METADATA_MISSING', { file: this.file, key });
    return entry;
  }

  #invalid(key: string, what: string): EngineError {
    return new EngineError('METADATA_INVALID', { file: this.file, key, what });
  }

  #read(key: string, entry: Kept | Text): Scalar {
    if (entry.kind === 'kept') return entry.value;
    using cursor = this.#cursor(key, entry.offset);
    return cursor.string();
  }

  #cursor(key: string, offset: number): Cursor {
    const cursor = new Cursor(this.file, offset);
    cursor.section = `metadata "${key}"`;
    return cursor;
  }

  #scalar<T extends Scalar, F>(
    key: string,
    expected: string,
    is: (value: Scalar) => value is T,
    fallback: Fallback<F>,
  ): T | F {
    const entry = this.#find(key, fallback);
    if (!entry) return fallback[0] as F;
    const value = entry.kind === 'list' ? undefined : this.#read(key, entry);
    if (value === undefined || !is(value)) throw this.#invalid(key, `is ${describe(entry)}, not ${expected}`);
    return value;
  }

  #list(key: string, entry: Entry): List {
    if (entry.kind !== 'list') throw this.#invalid(key, `is ${describe(entry)}, not an array`);
    return entry;
  }

  #array<T extends Scalar, F>(
    key: string,
    expected: string,
    is: (value: Scalar) => value is T,
    fallback: Fallback<F>,
  ): T[] | F {
    const entry = this.#find(key, fallback);
    if (!entry) return fallback[0] as F;
    const list = this.#list(key, entry);
    using cursor = this.#cursor(key, list.offset);
    cursor.expect(list.length * valueBytes[list.type]);
    return Array.from({ length: list.length }, () => {
      const value = cursor.scalar(list.type);
      if (!is(value)) throw this.#invalid(key, `is ${describe(entry)}, not an array of ${expected}`);
      return value;
    });
  }
}

function scalarType(cursor: Cursor, key: string, id: number): ScalarType {
  const type = valueTypes[id];
  if (type === undefined) throw cursor.corrupt(`metadata "${key}" has the unknown type ${id}`);
  if (type === 'array') throw cursor.corrupt(`metadata "${key}" is an array of arrays`);
  return type;
}

function readList(cursor: Cursor, key: string): List {
  const type = scalarType(cursor, key, cursor.u32());
  const length = cursor.u64();
  const offset = cursor.position;
  if (length > longestList) throw cursor.corrupt(`metadata "${key}" claims ${length} elements`);
  cursor.expect(length * valueBytes[type]);
  if (type === 'string') cursor.skipStrings(length);
  else cursor.skip(length * valueBytes[type]);
  return { kind: 'list', type, length, offset };
}

function readEntry(cursor: Cursor, key: string): Entry {
  const id = cursor.u32();
  if (valueTypes[id] === 'array') return readList(cursor, key);
  const type = scalarType(cursor, key, id);
  if (type !== 'string') return { kind: 'kept', type, value: cursor.scalar(type) };
  const offset = cursor.position;
  const length = cursor.u64();
  if (length <= longestKept) return { kind: 'kept', type, value: cursor.bytes(length).toString() };
  cursor.skip(length);
  return { kind: 'text', offset };
}

/** Reads `count` entries. Throws the errors of a cursor; GGUF_CORRUPT for bad or repeated keys and unknown types. */
export function readMetadata(cursor: Cursor, count: number): Metadata {
  const entries = new Map<string, Entry>();
  for (let i = 0; i < count; i += 1) {
    cursor.section = `metadata entry ${i + 1} of ${count}`;
    const key = cursor.name(longestKey);
    if (entries.has(key)) throw cursor.corrupt(`it has metadata "${key}" twice`);
    cursor.section = `metadata "${key}"`;
    entries.set(key, readEntry(cursor, key));
  }
  return new Metadata(cursor.file, entries);
}
