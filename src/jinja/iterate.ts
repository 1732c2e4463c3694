import { codePoints, lengthOf } from './characters.ts';
import { TemplateError } from './errors.ts';
import type { RenderMeter } from './meter.ts';
import {
  Dict,
  DictView,
  Float,
  IntRange,
  isList,
  isString,
  Lazy,
  none,
  plain,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from './values.ts';

export const isIterable = (value: Value): boolean =>
  isString(value) ||
  isList(value) ||
  value instanceof Tuple ||
  value instanceof Dict ||
  value instanceof DictView ||
  value instanceof IntRange ||
  value instanceof Lazy ||
  value instanceof Undefined;

/** The elements of a value, a step each. Throws TemplateError if it has none. */
export function* iterate(meter: RenderMeter, value: Value): Generator<Value, void> {
  if (value instanceof Lazy) {
    for (let next = advance(meter, value); !next.done; next = advance(meter, value)) yield next.value;
    return;
  }
  if (value instanceof IntRange) {
    for (let i = 0; i < value.length; i += 1) {
      meter.step();
      yield value.at(i);
    }
    return;
  }
  if (value instanceof DictView || value instanceof Dict) {
    const view = value instanceof Dict ? new DictView(value, 'keys') : value;
    for (const entry of view.dict.entries()) {
      meter.step();
      yield view.of(entry);
    }
    return;
  }
  for (const element of sequence(meter, value)) {
    meter.step();
    yield element;
  }
}

/** The next element of an iterator, which may ask another one for it. */
function advance(meter: RenderMeter, { elements }: Lazy): IteratorResult<Value> {
  meter.step();
  meter.enter();
  const next = elements.next();
  meter.leave();
  return next;
}

/** The elements of a value that has an order by index. */
function sequence(meter: RenderMeter, value: Value): Iterable<Value> {
  if (isList(value)) return value;
  if (value instanceof Tuple) return value.items;
  if (value instanceof Undefined) return [];
  if (!isString(value)) throw new TemplateError(`a ${typeName(value)} cannot be iterated over`);
  meter.text(plain(value).length);
  return codePoints(plain(value));
}

/** The elements of a value as an array; an array itself is not copied. */
export function elementsOf(meter: RenderMeter, value: Value): readonly Value[] {
  if (isList(value)) return value;
  if (value instanceof Tuple) return value.items;
  const list: Value[] = [];
  for (const element of iterate(meter, value)) {
    meter.hold(16);
    list.push(element);
  }
  return list;
}

/** The length of a value, Python's len(); undefined if the value has none. */
export function lengthOfValue(meter: RenderMeter, value: Value): number | undefined {
  if (isString(value)) {
    meter.text(plain(value).length);
    return lengthOf(plain(value));
  }
  if (isList(value)) return value.length;
  if (value instanceof Tuple) return value.items.length;
  if (value instanceof Dict) return value.size;
  if (value instanceof DictView) return value.dict.size;
  if (value instanceof IntRange) return value.length;
  return value instanceof Undefined ? 0 : undefined;
}

/** The truth of a value, Python's bool(). */
export function truthy(value: Value): boolean {
  if (typeof value === 'boolean') return value;
  if (typeof value === 'string') return value !== '';
  if (typeof value === 'number') return value !== 0;
  if (value === none || value instanceof Undefined) return false;
  if (isList(value)) return value.length > 0;
  if (isString(value)) return plain(value) !== '';
  if (value instanceof Tuple) return value.items.length > 0;
  if (value instanceof Dict) return value.size > 0;
  if (value instanceof DictView) return value.dict.size > 0;
  if (value instanceof IntRange) return value.length > 0;
  return !(value instanceof Float) || value.value !== 0;
}
