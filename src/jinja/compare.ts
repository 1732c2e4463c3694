import { at } from '../base/at.ts';
import { compareText } from './characters.ts';
import { notSupported, TemplateError } from './errors.ts';
import { isIterable, iterate } from './iterate.ts';
import type { RenderMeter } from './meter.ts';
import {
  Dict,
  DictView,
  IntRange,
  isList,
  isNumber,
  isString,
  numeric,
  plain,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from './values.ts';

/** Compares like Python's ==. */
export function equal(meter: RenderMeter, a: Value, b: Value): boolean {
  meter.step();
  if (isString(a)) {
    if (!isString(b) || plain(a).length !== plain(b).length) return false;
    meter.text(plain(a).length);
    return plain(a) === plain(b);
  }
  if (isNumber(a)) return isNumber(b) && numeric(a) === numeric(b);
  if (isList(a)) return isList(b) && (a === b || sameItems(meter, a, b));
  if (a instanceof Tuple) return b instanceof Tuple && (a === b || sameItems(meter, a.items, b.items));
  if (a instanceof Dict) return b instanceof Dict && (a === b || sameEntries(meter, a, b));
  if (a instanceof Undefined) return b instanceof Undefined;
  if (a instanceof DictView && b instanceof DictView && a !== b) throw notSupported('comparing views of dicts');
  if (a instanceof IntRange && b instanceof IntRange) return sameRange(a, b);
  return a === b;
}

function sameItems(meter: RenderMeter, a: readonly Value[], b: readonly Value[]): boolean {
  if (a.length !== b.length) return false;
  meter.enter();
  const all = a.every((item, i) => same(meter, item, at(b, i)));
  meter.leave();
  return all;
}

/** Compares elements like Python: the same object is equal to itself. */
function same(meter: RenderMeter, a: Value, b: Value): boolean {
  meter.step();
  return (typeof a === 'object' && a === b) || equal(meter, a, b);
}

function sameEntries(meter: RenderMeter, a: Dict, b: Dict): boolean {
  if (a.size !== b.size) return false;
  meter.enter();
  let all = true;
  for (const [key, value] of a.entries()) {
    const other = b.get(meter, key);
    all = other !== undefined && same(meter, value, other);
    if (!all) break;
  }
  meter.leave();
  return all;
}

function sameRange(a: IntRange, b: IntRange): boolean {
  if (a.length !== b.length || a.length === 0) return a.length === b.length;
  return a.start === b.start && (a.length === 1 || a.step === b.step);
}

/** Compares like Python's < and >: negative, zero or positive; NaN if neither holds. Throws TemplateError. */
export function order(meter: RenderMeter, a: Value, b: Value): number {
  meter.step();
  if (isNumber(a) && isNumber(b)) {
    const [x, y] = [numeric(a), numeric(b)];
    return x === y ? 0 : x - y > 0 || x - y < 0 ? x - y : Number.NaN;
  }
  if (isString(a) && isString(b)) {
    meter.text(Math.min(plain(a).length, plain(b).length));
    return compareText(plain(a), plain(b));
  }
  if (isList(a) && isList(b)) return orderItems(meter, a, b);
  if (a instanceof Tuple && b instanceof Tuple) return orderItems(meter, a.items, b.items);
  if (a instanceof Undefined) return a.fail();
  if (b instanceof Undefined) return b.fail();
  if (a instanceof DictView && b instanceof DictView) throw notSupported('comparing views of dicts');
  throw new TemplateError(`a ${typeName(a)} and a ${typeName(b)} have no order`);
}

function orderItems(meter: RenderMeter, a: readonly Value[], b: readonly Value[]): number {
  meter.enter();
  const i = a.findIndex((item, i) => i >= b.length || !same(meter, item, at(b, i)));
  const result = i < 0 || i >= b.length ? a.length - b.length : order(meter, at(a, i), at(b, i));
  meter.leave();
  return result;
}

/** Whether a container has an item, like Python's `in`. */
export function contains(meter: RenderMeter, container: Value, item: Value): boolean {
  if (isString(container)) {
    if (item instanceof Undefined) return item.fail();
    if (!isString(item)) throw new TemplateError(`a ${typeName(item)} cannot be in a text`);
    meter.search(plain(container).length, plain(item).length);
    return plain(container).includes(plain(item));
  }
  if (container instanceof Dict) return container.get(meter, item) !== undefined;
  if (container instanceof DictView && container.part === 'keys') return contains(meter, container.dict, item);
  if (!isIterable(container)) throw new TemplateError(`a ${typeName(container)} contains nothing`);
  for (const element of iterate(meter, container)) if (same(meter, element, item)) return true;
  return false;
}
