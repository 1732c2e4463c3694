import { notSupported, TemplateError } from './errors.ts';
import { formatValue } from './format-spec.ts';
import type { RenderMeter } from './meter.ts';
import { pythonStr, repr } from './print.ts';
import type { Args, Value } from './values.ts';

/** Finds the values on a field's path. */
interface Access {
  attribute(object: Value, name: string): Value;
  item(object: Value, key: Value): Value;
}

/** The context that all fields of a format share. */
interface Context {
  readonly meter: RenderMeter;
  readonly args: Args;
  readonly access: Access;
  readonly numbering: Numbering;
}

interface Numbering {
  next: number;
  kind: '' | 'automatic' | 'manual';
}

function argument(first: string, { args, numbering }: Context): Value {
  if (first !== '' && !/^[0-9]+$/.test(first)) {
    const value = args.named.get(first);
    if (value === undefined) throw new TemplateError(`there is no value "${first}" for the format`);
    return value;
  }
  const kind = first === '' ? 'automatic' : 'manual';
  if (numbering.kind !== '' && numbering.kind !== kind)
    throw new TemplateError('a format numbers all of its fields or none');
  numbering.kind = kind;
  const value = args.positional[first === '' ? numbering.next++ : Number(first)];
  if (value === undefined) throw new TemplateError('there are not enough values for the format');
  return value;
}

/** The value of "name.attribute[item]". */
function lookUp(path: string, context: Context): Value {
  const [first = ''] = /^[^.[]*/.exec(path) ?? [];
  let value = argument(first, context);
  let rest = path.slice(first.length);
  while (rest !== '') {
    const part = /^(?:\.([^.[]+)|\[([^\]]+)\](?=[.[]|$))/.exec(rest);
    if (!part) throw new TemplateError(`the field "${path}" of a format is not valid`);
    const [all, attribute, item] = part;
    if (attribute !== undefined) value = context.access.attribute(value, attribute);
    else value = context.access.item(value, /^[0-9]+$/.test(item as string) ? Number(item) : (item as string));
    rest = rest.slice(all.length);
  }
  return value;
}

/** The end of the field that begins at `start`, with the fields in it. */
function fieldEnd(text: string, start: number): number {
  let open = 1;
  let inItem = false;
  for (let at = start; at < text.length; at += 1) {
    const character = text[at];
    if (character === '[') inItem = true;
    else if (character === ']') inItem = false;
    else if (!inItem && character === '{') open += 1;
    else if (!inItem && character === '}' && --open === 0) return at;
  }
  throw new TemplateError('a field of a format is not closed');
}

function expand(text: string, context: Context, depth: number): string {
  if (depth > 3) throw new TemplateError('the fields of a format are nested too deep');
  const brace = /[{}]/g;
  let result = '';
  let at = 0;
  for (let match = brace.exec(text); match; match = brace.exec(text)) {
    const [character] = match;
    result += text.slice(at, match.index);
    at = match.index + 1;
    if (text[at] === character) {
      result += character;
      at += 1;
    } else if (character === '}') throw new TemplateError('a format has a single "}"');
    else {
      const end = fieldEnd(text, at);
      const part = field(text.slice(at, end), context, depth);
      context.meter.text(part.length);
      result += part;
      at = end + 1;
    }
    brace.lastIndex = at;
  }
  return result + text.slice(at);
}

function field(source: string, context: Context, depth: number): string {
  const match = /^((?:\[[^\]]*\]|[^!:[{}])*)(?:!(.))?(?::([\s\S]*))?$/u.exec(source);
  if (!match) throw new TemplateError(`the field "{${source}}" of a format is not valid`);
  const { meter } = context;
  const [, path = '', conversion, spec = ''] = match;
  const value = lookUp(path, context);
  if (conversion !== undefined && !'rs'.includes(conversion)) throw notSupported(`the conversion "!${conversion}"`);
  const converted = conversion === 'r' ? repr(meter, value) : conversion === 's' ? pythonStr(meter, value) : value;
  return formatValue(meter, converted, expand(spec, context, depth + 1));
}

/** Formats like Python's text.format(…). Throws TemplateError. */
export function formatText(meter: RenderMeter, text: string, args: Args, access: Access): string {
  meter.text(text.length);
  return expand(text, { meter, args, access, numbering: { next: 0, kind: '' } }, 1);
}
