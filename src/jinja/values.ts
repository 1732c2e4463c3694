import { notSupported, TemplateError } from './errors.ts';
import type { RenderMeter } from './meter.ts';

/** The class of Python's None. It is not `null`, so that `??` finds missing values and nothing else. */
class None {
  readonly kind = 'None';
}

export const none: None = new None();

/** A value of a template. Python's int is a whole JavaScript number, its list an array. */
export type Value =
  | None
  | boolean
  | number
  | string
  | Float
  | Markup
  | readonly Value[]
  | Tuple
  | Dict
  | DictView
  | IntRange
  | Lazy
  | Undefined
  | Namespace
  | Callable;

export class Float {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

/** Text that is not escaped again. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export class Tuple {
  readonly items: readonly Value[];
  /** The names of the items, where they have some. */
  readonly names: readonly string[];

  constructor(items: readonly Value[], names: readonly string[] = []) {
    this.items = items;
    this.names = names;
  }
}

/** The keys, values or items of a dict. */
export class DictView {
  readonly dict: Dict;
  readonly part: 'keys' | 'values' | 'items';

  constructor(dict: Dict, part: DictView['part']) {
    this.dict = dict;
    this.part = part;
  }

  /** An element for an entry of the dict. */
  of([key, value]: readonly [Value, Value]): Value {
    if (this.part === 'items') return new Tuple([key, value]);
    return this.part === 'keys' ? key : value;
  }
}

export class IntRange {
  readonly start: number;
  readonly stop: number;
  readonly step: number;

  constructor(start: number, stop: number, step: number) {
    this.start = start;
    this.stop = stop;
    this.step = step;
  }

  get length(): number {
    return Math.max(0, Math.ceil((this.stop - this.start) / this.step));
  }

  at(index: number): number {
    return this.start + index * this.step;
  }
}

/** An iterator: its elements are made when they are asked for, and each only once. */
export class Lazy {
  readonly elements: Iterator<Value>;

  constructor(elements: Iterator<Value>) {
    this.elements = elements;
  }
}

/** A missing value. It prints as nothing; most uses of it are errors. */
export class Undefined {
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }

  fail(): never {
    throw new TemplateError(this.reason);
  }
}

/** The only value that a template can change. */
export class Namespace {
  readonly attributes: Map<string, Value>;

  constructor(attributes: Map<string, Value>) {
    this.attributes = attributes;
  }
}

export interface Args {
  readonly positional: readonly Value[];
  readonly named: ReadonlyMap<string, Value>;
}

/** Something that can be called: a macro, a function, a method of a value, a recursive loop. */
export interface Callable {
  /** The printed form; undefined if Python would print an address. */
  readonly text?: string | undefined;
  readonly attributes?: (name: string) => Value | undefined;
  call(args: Args): Value;
}

export const isString = (value: Value): value is string | Markup =>
  typeof value === 'string' || value instanceof Markup;
export const isNumber = (value: Value): value is number | boolean | Float =>
  typeof value === 'number' || typeof value === 'boolean' || value instanceof Float;
export const isInt = (value: Value): value is number | boolean =>
  typeof value === 'number' || typeof value === 'boolean';
export const isList = (value: Value): value is readonly Value[] => Array.isArray(value);
export const isCallable = (value: Value): value is Callable => typeof value === 'object' && 'call' in value;

/** The number of an int, a bool or a float. */
export const numeric = (value: number | boolean | Float): number =>
  value instanceof Float ? value.value : Number(value);

/** The text of a string, marked or not. */
export const plain = (value: string | Markup): string => (typeof value === 'string' ? value : value.text);

/** Python's name of a value's type. */
export function typeName(value: Value): string {
  if (value === none) return 'NoneType';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number') return 'int';
  if (isString(value)) return 'str';
  if (isList(value)) return 'list';
  if (value instanceof Float) return 'float';
  if (value instanceof Tuple) return 'tuple';
  if (value instanceof Dict) return 'dict';
  if (value instanceof DictView) return `dict_${value.part}`;
  if (value instanceof IntRange) return 'range';
  if (value instanceof Lazy) return 'generator';
  return value instanceof Namespace ? 'Namespace' : 'function';
}

/** False for values that are refused as the key of a dict. */
export const isHashable = (key: Value): boolean =>
  !isList(key) && !(key instanceof Dict) && (!(key instanceof Tuple) || key.items.every(isHashable));

/** A hash: equal keys have the same, others have not. Throws where Python cannot hash. */
function hash(meter: RenderMeter, key: Value): string | number {
  if (typeof key === 'number') return key;
  if (isNumber(key)) return numeric(key);
  if (isString(key)) {
    const text = plain(key);
    meter.text(text.length);
    return text.startsWith('\0') ? `\0s${text}` : text;
  }
  if (key === none) return '\0n';
  if (key instanceof Undefined) return '\0u';
  if (isList(key) || key instanceof Dict) throw new TemplateError(`a ${typeName(key)} cannot be the key of a dict`);
  if (!(key instanceof Tuple)) throw notSupported(`a ${typeName(key)} as the key of a dict`);
  meter.enter();
  const parts = key.items.map((item) => {
    const part = hash(meter, item);
    return typeof part === 'number' ? `n${part};` : `t${part.length};${part}`;
  });
  meter.leave();
  const joined = `\0t${parts.join('')}`;
  meter.text(joined.length);
  return joined;
}

/** Keys in the order in which they came first, as Python's dict has them. */
export class Dict {
  readonly #entries = new Map<string | number, [Value, Value]>();

  static from(meter: RenderMeter, entries: Iterable<readonly [Value, Value]>): Dict {
    const dict = new Dict();
    for (const [key, value] of entries) dict.set(meter, key, value);
    return dict;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(meter: RenderMeter, key: Value): Value | undefined {
    return this.#entries.get(hash(meter, key))?.[1];
  }

  /** The value of a text, by far the most frequent key. */
  attribute(name: string): Value | undefined {
    return this.#entries.get(name)?.[1];
  }

  /** Sets a value while the dict is made. */
  set(meter: RenderMeter, key: Value, value: Value): void {
    meter.hold(64);
    const at = hash(meter, key);
    const known = this.#entries.get(at);
    if (known) known[1] = value;
    else this.#entries.set(at, [key, value]);
  }

  entries(): IterableIterator<readonly [Value, Value]> {
    return this.#entries.values();
  }
}
