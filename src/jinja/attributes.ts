import { at } from '../base/at.ts';
import { codePoints, lengthOf, unitIndex } from './characters.ts';
import { equal } from './compare.ts';
import { notSupported, TemplateError } from './errors.ts';
import { formatText } from './format.ts';
import type { RenderMeter } from './meter.ts';
import { bind, intArgument, signature } from './signature.ts';
import { textMethods } from './text-methods.ts';
import {
  type Args,
  Dict,
  DictView,
  Float,
  IntRange,
  isCallable,
  isHashable,
  isInt,
  isList,
  isString,
  Markup,
  Namespace,
  none,
  plain,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from './values.ts';

const method = (call: (args: Args) => Value): Value => ({ call });

/** Methods that the sandbox keeps from templates, by the kind of value. */
const changing = {
  list: ['append', 'clear', 'extend', 'insert', 'pop', 'remove', 'reverse', 'sort'],
  dict: ['clear', 'pop', 'popitem', 'setdefault', 'update'],
} as const;

const unknown = {
  list: ['copy'],
  dict: ['copy', 'fromkeys'],
  int: ['as_integer_ratio', 'bit_count', 'bit_length', 'conjugate', 'from_bytes', 'to_bytes'],
  float: ['as_integer_ratio', 'conjugate', 'fromhex', 'hex'],
} as const;

const getSignature = signature('get', '/ key default?');
const countSignature = signature('count', '/ value');
const indexSignature = signature('index', '/ value start? stop?');

function dictAttribute(meter: RenderMeter, dict: Dict, name: string): Value | undefined {
  switch (name) {
    case 'get':
      return method((args) => {
        const [key, otherwise = none] = bind(getSignature, args);
        return dict.get(meter, key as Value) ?? otherwise;
      });
    case 'keys':
    case 'values':
    case 'items':
      return method((args) => {
        bind(signature(name, ''), args);
        return new DictView(dict, name);
      });
    default:
      return undefined;
  }
}

function listAttribute(meter: RenderMeter, items: readonly Value[], name: string): Value | undefined {
  if (name === 'count') {
    return method((args) => {
      const [sought] = bind(countSignature, args);
      return items.filter((item) => equal(meter, item, sought as Value)).length;
    });
  }
  if (name !== 'index') return undefined;
  return method((args) => {
    const [sought, start = 0, stop = items.length] = bind(indexSignature, args);
    const bound = (value: Value): number => {
      const given = intArgument(value, 'index');
      return given < 0 ? Math.max(0, given + items.length) : given;
    };
    const [from, to] = [bound(start), bound(stop)];
    const at = items.findIndex((item, i) => i >= from && i < to && equal(meter, item, sought as Value));
    if (at < 0) throw new TemplateError('the value is not in the list');
    return at;
  });
}

function numberAttribute(value: number | boolean | Float, name: string): Value | undefined {
  if (value instanceof Float) {
    if (name === 'real') return value;
    if (name === 'imag') return new Float(0);
    return name === 'is_integer' ? method(() => Number.isInteger(value.value)) : undefined;
  }
  if (name === 'real' || name === 'numerator') return Number(value);
  if (name === 'imag') return 0;
  return name === 'denominator' ? 1 : undefined;
}

/** The result of a text's method, marked again. */
function marked(value: Value): Value {
  if (typeof value === 'string') return new Markup(value);
  if (isList(value)) return value.map(marked);
  return value instanceof Tuple ? new Tuple(value.items.map(marked)) : value;
}

/** Python's format(…) and format_map(dict) of a text. */
function format(meter: RenderMeter, text: string, args: Args): string {
  return formatText(meter, text, args, {
    attribute: (object, name) => attributeOf(meter, object, name),
    item: (object, key) => itemOf(meter, object, key),
  });
}

function formatMap(meter: RenderMeter, text: string, args: Args): string {
  const [map] = bind(signature('format_map', '/ map'), args);
  if (!(map instanceof Dict)) throw new TemplateError('format_map needs a dict');
  const named = new Map<string, Value>();
  for (const [key, value] of map.entries()) if (typeof key === 'string') named.set(key, value);
  return format(meter, text, { positional: [], named });
}

const formats: Readonly<Record<string, typeof format>> = { format, format_map: formatMap };

function textAttribute(meter: RenderMeter, value: string | Markup, name: string): Value | undefined {
  const isFormat = Object.hasOwn(formats, name);
  if (!isFormat && !textMethods.has(name)) return undefined;
  const run = isFormat ? formats[name] : textMethods.get(name);
  if (!run) throw notSupported(`the method "${name}" of a text`);
  if (typeof value === 'string') return method((args) => run(meter, value, args));
  return method((args) => {
    const harmful = (arg: Value): boolean => !isInt(arg) && !(isString(arg) && !/[&<>'"]/.test(plain(arg)));
    if (name.startsWith('format') || [...args.positional, ...args.named.values()].some(harmful)) {
      throw notSupported(`the method "${name}" of a text marked as safe with such arguments`);
    }
    return marked(run(meter, value.text, args));
  });
}

/** An attribute as Python's getattr gives it; undefined if there is none. */
function ownAttribute(meter: RenderMeter, object: Value, name: string): Value | undefined {
  const refuse = (names: readonly string[], what: string): undefined => {
    if (names.includes(name)) throw notSupported(`the attribute "${name}" of a ${what}`);
    return undefined;
  };
  if (object instanceof Dict) return dictAttribute(meter, object, name) ?? refuse(unknown.dict, 'dict');
  if (isString(object)) return textAttribute(meter, object, name);
  if (isList(object)) return listAttribute(meter, object, name) ?? refuse(unknown.list, 'list');
  if (object instanceof Tuple) {
    const at = object.names.indexOf(name);
    return at >= 0 ? object.items[at] : listAttribute(meter, object.items, name);
  }
  if (object instanceof Float) return numberAttribute(object, name) ?? refuse(unknown.float, 'float');
  if (typeof object === 'number' || typeof object === 'boolean') {
    return numberAttribute(object, name) ?? refuse(unknown.int, 'int');
  }
  if (object instanceof Namespace) return object.attributes.get(name);
  if (object instanceof IntRange) {
    if (name === 'start' || name === 'stop' || name === 'step') return object[name];
    return refuse(['count', 'index'], 'range');
  }
  return isCallable(object) ? object.attributes?.(name) : undefined;
}

const missing = (object: Value, key: Value): Undefined =>
  new Undefined(`a ${typeName(object)} has no ${typeof key === 'string' ? `attribute "${key}"` : 'such element'}`);

/** True for an attribute that exists and must not be used. */
function isUnsafe(object: Value, name: string): boolean {
  if (object instanceof Dict) return (changing.dict as readonly string[]).includes(name);
  return isList(object) && (changing.list as readonly string[]).includes(name);
}

/** An attribute that the sandbox gives; undefined if there is none. */
function safeAttribute(meter: RenderMeter, object: Value, name: string): Value | undefined {
  if (name.startsWith('__')) throw notSupported(`the attribute "${name}"`);
  if (isUnsafe(object, name))
    return new Undefined(`"${name}" would change a ${typeName(object)}, which templates must not do`);
  const value = ownAttribute(meter, object, name);
  return value !== undefined && name.startsWith('_') ? missing(object, name) : value;
}

/** A template's `object.name`: the attribute, or the item of that name. */
export function attributeOf(meter: RenderMeter, object: Value, name: string): Value {
  if (object instanceof Undefined) return object.fail();
  const attribute = safeAttribute(meter, object, name);
  if (attribute !== undefined) return attribute;
  return (object instanceof Dict ? object.attribute(name) : undefined) ?? missing(object, name);
}

/** A template's filter "attr": the attribute alone. */
export function attributeOnly(meter: RenderMeter, object: Value, name: string): Value {
  if (object instanceof Undefined) return object.fail();
  return safeAttribute(meter, object, name) ?? missing(object, name);
}

/** An element by its index from either end; undefined if there is none. */
function elementAt(object: Value, index: number): Value | undefined {
  if (isString(object)) {
    const all = codePoints(plain(object));
    const found = all[index < 0 ? index + all.length : index];
    return found === undefined || typeof object === 'string' ? found : new Markup(found);
  }
  const items = isList(object) ? object : object instanceof Tuple ? object.items : undefined;
  if (items) return items[index < 0 ? index + items.length : index];
  if (!(object instanceof IntRange)) return undefined;
  const at = index < 0 ? index + object.length : index;
  return at >= 0 && at < object.length ? object.at(at) : undefined;
}

/** A template's `object[key]`: the item, or for a text the attribute of that name. */
export function itemOf(meter: RenderMeter, object: Value, key: Value): Value {
  if (object instanceof Undefined) return object.fail();
  let item: Value | undefined;
  if (object instanceof Dict) item = isHashable(key) ? object.get(meter, key) : undefined;
  else if (isInt(key)) {
    if (isString(object)) meter.step(1 + (plain(object).length >>> 5));
    item = elementAt(object, Number(key));
  }
  if (item === undefined && isString(key)) item = safeAttribute(meter, object, plain(key));
  return item ?? missing(object, key);
}

/** Begin and end of a slice, as in Python. */
function sliceBounds(
  length: number,
  bounds: readonly (Value | undefined)[],
): { from: number; to: number; step: number } {
  const [start, stop, step = none] = bounds;
  const by = step === none ? 1 : intArgument(step, 'a slice');
  if (by === 0) throw new TemplateError('the step of a slice cannot be zero');
  const clamp = (value: Value | undefined, otherwise: number): number => {
    if ((value ?? none) === none) return otherwise;
    const given = intArgument(value, 'a slice');
    const index = given < 0 ? given + length : given;
    return Math.min(Math.max(index, by < 0 ? -1 : 0), by < 0 ? length - 1 : length);
  };
  return { from: clamp(start, by < 0 ? length - 1 : 0), to: clamp(stop, by < 0 ? -1 : length), step: by };
}

/** A template's `object[from:to:step]`. Throws TemplateError. */
export function sliceOf(meter: RenderMeter, object: Value, bounds: readonly (Value | undefined)[]): Value {
  if (object instanceof Undefined) return object.fail();
  if (isString(object)) {
    const text = plain(object);
    meter.text(text.length);
    const { from, to, step } = sliceBounds(lengthOf(text), bounds);
    const part =
      step === 1
        ? text.slice(unitIndex(text, from), unitIndex(text, Math.max(from, to)))
        : picked(meter, codePoints(text), from, to, step).join('');
    return typeof object === 'string' ? part : new Markup(part);
  }
  const items = isList(object) ? object : object instanceof Tuple ? object.items : undefined;
  if (items) {
    const { from, to, step } = sliceBounds(items.length, bounds);
    const part = picked(meter, items, from, to, step);
    return isList(object) ? part : new Tuple(part);
  }
  if (!(object instanceof IntRange)) throw new TemplateError(`a ${typeName(object)} cannot be sliced`);
  const { from, to, step } = sliceBounds(object.length, bounds);
  return new IntRange(object.at(from), object.at(to), object.step * step);
}

function picked<T>(meter: RenderMeter, all: ArrayLike<T>, from: number, to: number, step: number): T[] {
  meter.elements(Math.max(0, Math.ceil((to - from) / step)));
  const part: T[] = [];
  for (let i = from; step < 0 ? i > to : i < to; i += step) part.push(at(all, i));
  return part;
}
