import { at } from '../base/at.ts';
import { attributeOnly, itemOf } from './attributes.ts';
import { equal, order } from './compare.ts';
import { TemplateError } from './errors.ts';
import { type Filter, filtersOf, type Given, type Run } from './filter.ts';
import { elementsOf, isIterable, iterate, lengthOfValue, truthy } from './iterate.ts';
import { binary } from './operators.ts';
import { intArgument, textArgument } from './signature.ts';
import {
  type Args,
  Dict,
  isList,
  isString,
  Lazy,
  Markup,
  none,
  plain,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from './values.ts';

const isTrue = (value: Given): boolean => value !== undefined && truthy(value);

/** Text without upper case; other values as they are. */
const ignoringCase = (value: Value): Value => (isString(value) ? plain(value).toLowerCase() : value);

/** The value behind "a.b.0" of each element; undefined attributes are the element itself. */
export function attributeGetter({ meter }: Run, attribute: Given, otherwise?: Value): (item: Value) => Value {
  let parts: Value[] = [];
  if (attribute !== undefined && attribute !== none) {
    parts = isString(attribute)
      ? plain(attribute)
          .split('.')
          .map((part) => (/^[0-9]+$/.test(part) ? Number(part) : part))
      : [attribute];
  }
  return (item) => {
    let value = item;
    for (const part of parts) {
      value = itemOf(meter, value, part);
      if (value instanceof Undefined && otherwise !== undefined && otherwise !== none) value = otherwise;
    }
    return value;
  };
}

/** The key that elements are sorted and grouped by. */
function keyGetter(run: Run, attribute: Given, caseSensitive: Given, otherwise?: Value): (item: Value) => Value {
  const get = attributeGetter(run, attribute, otherwise);
  return isTrue(caseSensitive) ? get : (item) => lowered(run, get(item));
}

function lowered({ meter }: Run, value: Value): Value {
  if (isString(value)) meter.text(plain(value).length);
  return ignoringCase(value);
}

/** Elements in the order of their keys; elements with equal keys keep their order. */
function sortBy({ meter }: Run, items: readonly Value[], keyOf: (item: Value) => Value, reverse: boolean): Value[] {
  meter.elements(2 * items.length);
  const keyed = items.map((item) => ({ item, key: keyOf(item) }));
  keyed.sort((a, b) => (reverse ? order(meter, b.key, a.key) : order(meter, a.key, b.key)) || 0);
  return keyed.map(({ item }) => item);
}

function sort(run: Run, value: Value, [reverse, caseSensitive, attribute]: Given[]): Value {
  const attributes = attribute !== undefined && isString(attribute) ? plain(attribute).split(',') : [attribute];
  const getters = attributes.map((name) => keyGetter(run, name, caseSensitive));
  // A tuple of keys: equal ones are not asked for their order.
  const keyOf = (item: Value): Value => new Tuple(getters.map((get) => get(item)));
  return sortBy(run, elementsOf(run.meter, value), keyOf, isTrue(reverse));
}

function dictSort(run: Run, value: Value, [caseSensitive, by = 'key', reverse]: Given[]): Value {
  if (value instanceof Undefined) return value.fail();
  if (!(value instanceof Dict)) throw new TemplateError(`the filter "dictsort" needs a dict, not a ${typeName(value)}`);
  if (by !== 'key' && by !== 'value') throw new TemplateError('the filter "dictsort" sorts by "key" or "value"');
  const items = [...value.entries()].map(([key, inner]) => new Tuple([key, inner]));
  const keyOf = (item: Value): Value => {
    const part = at((item as Tuple).items, by === 'key' ? 0 : 1);
    return isTrue(caseSensitive) ? part : lowered(run, part);
  };
  return sortBy(run, items, keyOf, isTrue(reverse));
}

function groupBy(run: Run, value: Value, [attribute, otherwise, caseSensitive]: Given[]): Value {
  const { meter } = run;
  const keyOf = keyGetter(run, attribute, caseSensitive, otherwise);
  const named = attributeGetter(run, attribute, otherwise);
  const groups: { readonly key: Value; readonly items: Value[] }[] = [];
  for (const item of sortBy(run, elementsOf(meter, value), keyOf, false)) {
    const key = keyOf(item);
    const last = groups.at(-1);
    if (last && equal(meter, last.key, key)) last.items.push(item);
    else groups.push({ key, items: [item] });
  }
  return groups.map(({ key, items }) => {
    const shown = isTrue(caseSensitive) ? key : named(at(items, 0));
    return new Tuple([shown, items], ['grouper', 'list']);
  });
}

function* unique(run: Run, value: Value, [caseSensitive, attribute]: Given[]): Generator<Value, void> {
  const { meter } = run;
  const keyOf = keyGetter(run, attribute, caseSensitive);
  const seen = new Dict();
  for (const item of iterate(meter, value)) {
    const key = keyOf(item);
    if (seen.get(meter, key) !== undefined) continue;
    seen.set(meter, key, true);
    yield item;
  }
}

/** The first of the smallest or largest elements. */
function extreme(run: Run, value: Value, [caseSensitive, attribute]: Given[], wanted: -1 | 1): Value {
  const { meter } = run;
  const keyOf = keyGetter(run, attribute, caseSensitive);
  let best: { item: Value; key: Value } | undefined;
  for (const item of iterate(meter, value)) {
    const key = keyOf(item);
    if (!best || order(meter, key, best.key) * wanted > 0) best = { item, key };
  }
  return best ? best.item : new Undefined('an empty sequence has no minimum or maximum');
}

function sum(run: Run, value: Value, [attribute, start = 0]: Given[]): Value {
  if (isString(start)) throw new TemplateError('texts cannot be summed; use the filter "join"');
  const get = attributeGetter(run, attribute);
  let total: Value = start;
  for (const item of iterate(run.meter, value)) total = binary(run.meter, '+', total, get(item));
  return total;
}

function* batch(run: Run, value: Value, [size, fill = none]: Given[]): Generator<Value, void> {
  const { meter } = run;
  const count = size as Value;
  let part: Value[] = [];
  for (const item of iterate(meter, value)) {
    if (equal(meter, part.length, count)) {
      yield part;
      part = [];
    }
    meter.hold(16);
    part.push(item);
  }
  if (part.length === 0) return;
  const missing = fill === none ? 0 : Math.max(0, intArgument(count, 'batch') - part.length);
  meter.elements(missing);
  for (let i = 0; i < missing; i += 1) part.push(fill);
  yield part;
}

function* slices(run: Run, value: Value, [slicesGiven, fill = none]: Given[]): Generator<Value, void> {
  const { meter } = run;
  const items = elementsOf(meter, value);
  const count = intArgument(slicesGiven, 'slice');
  if (count === 0) throw new TemplateError('division by zero');
  const size = Math.floor(items.length / count);
  const longer = items.length - size * count;
  let at = 0;
  for (let i = 0; i < count; i += 1) {
    const end = at + size + Number(i < longer);
    meter.elements(end - at);
    const part = items.slice(at, end);
    at = end;
    yield fill !== none && i >= longer ? [...part, fill] : part;
  }
}

function reverse(run: Run, value: Value): Value {
  const { meter } = run;
  if (isString(value)) {
    meter.text(plain(value).length);
    const text = [...plain(value)].reverse().join('');
    return value instanceof Markup ? new Markup(text) : text;
  }
  const items = elementsOf(meter, value);
  meter.elements(items.length);
  return new Lazy([...items].reverse().values());
}

function last(run: Run, value: Value): Value {
  if (value instanceof Lazy) throw new TemplateError('a generator has no last element; use the filter "list"');
  return elementsOf(run.meter, value).at(-1) ?? new Undefined('an empty sequence has no last element');
}

function first(run: Run, value: Value): Value {
  const { done, value: element } = iterate(run.meter, value).next();
  return done ? new Undefined('an empty sequence has no first element') : (element as Value);
}

/** The function of "map": an element's attribute, or the result of another filter. */
function mapper(run: Run, { positional, named }: Args): (item: Value) => Value {
  if (positional.length === 0 && named.has('attribute')) {
    for (const name of named.keys()) {
      if (name !== 'attribute' && name !== 'default') throw new TemplateError(`the filter "map" takes no "${name}"`);
    }
    return attributeGetter(run, named.get('attribute'), named.get('default'));
  }
  const [name, ...others] = positional;
  if (name === undefined) throw new TemplateError('the filter "map" needs the name of a filter');
  const filter = textArgument(name, 'map');
  return (item) => run.filter(filter, item, { positional: others, named });
}

function* map(run: Run, value: Value, args: Args): Generator<Value, void> {
  if (!truthy(value)) return;
  const apply = mapper(run, args);
  for (const item of iterate(run.meter, value)) yield apply(item);
}

/** The filters select, reject, selectattr and rejectattr. */
function selecting(wanted: boolean, byAttribute: boolean): Filter {
  function* select(run: Run, value: Value, { positional, named }: Args): Generator<Value, void> {
    if (!truthy(value)) return;
    const [attribute] = positional;
    if (byAttribute && attribute === undefined) throw new TemplateError('the name of an attribute is missing');
    const get = byAttribute ? attributeGetter(run, attribute) : (item: Value) => item;
    const [name, ...others] = byAttribute ? positional.slice(1) : positional;
    const test = name === undefined ? undefined : textArgument(name, 'select');
    for (const item of iterate(run.meter, value)) {
      const element = get(item);
      const passes = test === undefined ? truthy(element) : run.test(test, element, { positional: others, named });
      if (passes === wanted) yield item;
    }
  }
  return (run, value, args) => new Lazy(select(run, value, args));
}

function* items(run: Run, value: Value): Generator<Value, void> {
  if (value instanceof Undefined) return;
  if (!(value instanceof Dict)) throw new TemplateError(`the filter "items" needs a dict, not a ${typeName(value)}`);
  for (const [key, inner] of value.entries()) {
    run.meter.step();
    yield new Tuple([key, inner]);
  }
}

function length({ meter }: Run, value: Value): Value {
  const size = lengthOfValue(meter, value);
  if (size === undefined) throw new TemplateError(`a ${typeName(value)} has no length`);
  return size;
}

function list({ meter }: Run, value: Value): Value {
  if (!isIterable(value)) throw new TemplateError(`a ${typeName(value)} cannot be made into a list`);
  return isList(value) ? value : [...elementsOf(meter, value)];
}

/** Filters of sequences and dicts. */
export const sequenceFilters: readonly [string, Filter][] = [
  ...filtersOf({
    attr: ['name', ({ meter }, value, [name]) => attributeOnly(meter, value, textArgument(name, 'attr'))],
    batch: ['linecount fill_with?', (run, value, given) => new Lazy(batch(run, value, given))],
    count: ['', length],
    default: ['default_value? boolean?', (_, value, given) => otherwise(value, given)],
    d: ['default_value? boolean?', (_, value, given) => otherwise(value, given)],
    dictsort: ['case_sensitive? by? reverse?', dictSort],
    first: ['', first],
    groupby: ['attribute default? case_sensitive?', groupBy],
    items: ['', (run, value) => new Lazy(items(run, value))],
    last: ['', last],
    length: ['', length],
    list: ['', list],
    max: ['case_sensitive? attribute?', (run, value, given) => extreme(run, value, given, 1)],
    min: ['case_sensitive? attribute?', (run, value, given) => extreme(run, value, given, -1)],
    reverse: ['', reverse],
    slice: ['slices fill_with?', (run, value, given) => new Lazy(slices(run, value, given))],
    sort: ['reverse? case_sensitive? attribute?', sort],
    sum: ['attribute? start?', sum],
    unique: ['case_sensitive? attribute?', (run, value, given) => new Lazy(unique(run, value, given))],
  }),
  ['map', (run, value, args) => new Lazy(map(run, value, args))],
  ['select', selecting(true, false)],
  ['reject', selecting(false, false)],
  ['selectattr', selecting(true, true)],
  ['rejectattr', selecting(false, true)],
];

function otherwise(value: Value, [fallback = '', boolean]: Given[]): Value {
  return value instanceof Undefined || (isTrue(boolean) && !truthy(value)) ? fallback : value;
}
