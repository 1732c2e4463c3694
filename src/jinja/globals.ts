import { at } from '../base/at.ts';
import { notSupported, TemplateError } from './errors.ts';
import { elementsOf, iterate } from './iterate.ts';
import type { RenderMeter } from './meter.ts';
import { pythonStr } from './print.ts';
import { bind, intArgument, signature, textArgument } from './signature.ts';
import { strftime } from './strftime.ts';
import { type Args, type Callable, Dict, IntRange, Namespace, none, Undefined, type Value } from './values.ts';

/** The longest range in the sandbox of Jinja2. */
const longestRange = 100_000;

function range(args: Args): Value {
  const { positional } = args;
  bind(signature('range', '/ start stop? step?'), args);
  const [a, b, c] = positional.map((value) => intArgument(value, 'range'));
  if (c === 0) throw new TemplateError('the step of a range cannot be zero');
  const made = b === undefined ? new IntRange(0, a as number, 1) : new IntRange(a as number, b, c ?? 1);
  if (made.length > longestRange) throw new TemplateError(`a range of more than ${longestRange} elements is too long`);
  return made;
}

/** The entries that dict(…) and namespace(…) begin with. */
function* entriesOf(meter: RenderMeter, name: string, { positional, named }: Args): Generator<readonly [Value, Value]> {
  const [from, ...others] = positional;
  if (others.length > 0) throw new TemplateError(`${name} takes one dict or list at most`);
  if (from instanceof Undefined) from.fail();
  if (from instanceof Dict) yield* from.entries();
  else if (from !== undefined) {
    for (const pair of iterate(meter, from)) {
      const [key, value, ...rest] = elementsOf(meter, pair);
      if (key === undefined || value === undefined || rest.length > 0) throw new TemplateError(`${name} needs pairs`);
      yield [key, value];
    }
  }
  yield* named;
}

function namespace(meter: RenderMeter, args: Args): Value {
  const attributes = new Map<string, Value>();
  for (const [key, value] of Dict.from(meter, entriesOf(meter, 'namespace', args)).entries()) {
    if (typeof key === 'string') attributes.set(key, value);
  }
  return new Namespace(attributes);
}

function cycler({ positional: items, named }: Args): Value {
  if (items.length === 0 || named.size > 0) throw new TemplateError('there is nothing to cycle through');
  let index = 0;
  const current = (): Value => at(items, index);
  const next = (): Value => {
    const item = current();
    index = (index + 1) % items.length;
    return item;
  };
  const reset = (): Value => {
    index = 0;
    return none;
  };
  const methods: Readonly<Record<string, () => Value>> = { next, reset };
  const attributes = (name: string): Value | undefined => {
    if (name === 'current') return current();
    const method = methods[name];
    return method && { call: method };
  };
  return {
    attributes,
    call: () => {
      throw new TemplateError('a cycler cannot be called; use next()');
    },
  };
}

function joiner(meter: RenderMeter, args: Args): Value {
  const [separator = ', '] = bind(signature('joiner', 'sep?'), args);
  let used = false;
  return {
    call: () => {
      const text = used ? separator : '';
      used = true;
      meter.step();
      return text;
    },
  };
}

function raise(meter: RenderMeter, args: Args): never {
  const [message] = bind(signature('raise_exception', 'message'), args);
  throw new TemplateError(pythonStr(meter, message as Value));
}

/** The functions of templates, those that Hugging Face adds among them. */
export function globalsFor(meter: RenderMeter, now: Date): ReadonlyMap<string, Value> {
  const functions: Readonly<Record<string, Callable['call']>> = {
    range,
    cycler,
    dict: (args) => Dict.from(meter, entriesOf(meter, 'dict', args)),
    namespace: (args) => namespace(meter, args),
    joiner: (args) => joiner(meter, args),
    lipsum: () => {
      throw notSupported('lipsum');
    },
    raise_exception: (args) => raise(meter, args),
    strftime_now: (args) => {
      const [format] = bind(signature('strftime_now', 'format'), args);
      return strftime(now, textArgument(format, 'strftime_now'));
    },
  };
  return new Map(Object.entries(functions).map(([name, call]) => [name, { call }]));
}
