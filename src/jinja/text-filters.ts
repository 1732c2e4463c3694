import { lengthOf, spaces, unitIndex } from './characters.ts';
import { notSupported, TemplateError } from './errors.ts';
import { type Filter, filtersOf, type Given, type Run } from './filter.ts';
import { iterate, lengthOfValue, truthy } from './iterate.ts';
import { type JsonOptions, toJson } from './json.ts';
import { escapeHtml, escapeText } from './markup.ts';
import type { RenderMeter } from './meter.ts';
import { percent } from './percent.ts';
import { pythonStr } from './print.ts';
import { attributeGetter } from './sequence-filters.ts';
import { intArgument, textArgument } from './signature.ts';
import { capitalize, joined, justify, stripped } from './text-methods.ts';
import { replace, splitLines } from './text-search.ts';
import {
  type Args,
  Dict,
  isList,
  isString,
  Markup,
  none,
  plain,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from './values.ts';

const isTrue = (value: Given): boolean => value !== undefined && truthy(value);

/** A filter that makes any value a text; marked text stays marked. */
function onText(
  apply: (run: Run, text: string, given: Given[]) => string,
): (run: Run, value: Value, given: Given[]) => Value {
  return (run, value, given) => {
    const text = pythonStr(run.meter, value);
    run.meter.text(text.length);
    const result = apply(run, text, given);
    return value instanceof Markup ? new Markup(result) : result;
  };
}

const words = new RegExp(`[-${spaces}({[<]+|[^-${spaces}({[<]+`, 'g');

/**
 * Begins words after whitespace, brackets and hyphens; Python's method does so after any character that is no letter.
 */
const title = (text: string): string =>
  text.replace(words, (word) => {
    const [first = ''] = word;
    return first.toUpperCase() + word.slice(first.length).toLowerCase();
  });

function indent({ meter }: Run, value: Value, [width = 4, first, blank]: Given[]): Value {
  if (value instanceof Undefined) return value.fail();
  if (!isString(value)) throw new TemplateError(`the filter "indent" needs a text, not a ${typeName(value)}`);
  let by = '';
  if (isString(width)) by = plain(width);
  else {
    meter.text(Math.max(0, intArgument(width, 'indent')));
    by = ' '.repeat(Math.max(0, intArgument(width, 'indent')));
  }
  const lines = splitLines(meter, `${plain(value)}\n`, false);
  meter.text(plain(value).length + (lines.length + 1) * (by.length + 1));
  const [head = '', ...others] = lines;
  const rest = others.map((line) => `\n${isTrue(blank) || line !== '' ? by : ''}${line}`);
  const result = (isTrue(first) ? by : '') + head + rest.join('');
  return value instanceof Markup ? new Markup(result) : result;
}

function truncate({ meter }: Run, value: Value, [length = 255, killWords, end = '...', leeway = 5]: Given[]): Value {
  const tail = textArgument(end, 'truncate');
  const most = intArgument(length, 'truncate');
  const slack = leeway === none ? 5 : intArgument(leeway, 'truncate');
  if (most < lengthOf(tail) || slack < 0) throw new TemplateError('the filter "truncate" has too little room');
  const size = lengthOfValue(meter, value);
  if (size === undefined) throw new TemplateError(`a ${typeName(value)} has no length`);
  if (size <= most + slack) return value;
  if (!isString(value)) throw notSupported(`the filter "truncate" of a ${typeName(value)}`);
  const kept = plain(value).slice(0, unitIndex(plain(value), most - lengthOf(tail)));
  const space = isTrue(killWords) ? -1 : kept.lastIndexOf(' ');
  const cut = space < 0 ? kept : kept.slice(0, space);
  return typeof value === 'string' ? cut + tail : new Markup(cut + escapeHtml(meter, tail).text);
}

function join(run: Run, value: Value, [separator = '', attribute]: Given[]): Value {
  const { meter } = run;
  const get = attributeGetter(run, attribute);
  function* texts(): Generator<string> {
    for (const item of iterate(meter, value)) yield pythonStr(meter, get(item));
  }
  return joined(meter, pythonStr(meter, separator), texts());
}

function format({ meter }: Run, value: Value, { positional, named }: Args): Value {
  if (positional.length > 0 && named.size > 0)
    throw new TemplateError('the filter "format" takes values by place or by name');
  const values = named.size > 0 ? Dict.from(meter, named) : new Tuple(positional);
  return percent(meter, isString(value) ? value : pythonStr(meter, value), values);
}

function jsonOptions({ meter }: Run, [ascii, indentation = none, separators = none]: Given[]): JsonOptions {
  let by: string | undefined;
  if (isString(indentation)) by = plain(indentation);
  else if (indentation !== none) {
    const width = Math.max(0, intArgument(indentation, 'tojson'));
    meter.text(width);
    by = ' '.repeat(width);
  }
  const pair = separators instanceof Tuple ? separators.items : separators;
  if (pair === none) return { ascii: isTrue(ascii), indent: by, separators: [by === undefined ? ', ' : ',', ': '] };
  if (!isList(pair) || pair.length !== 2) throw new TemplateError('the separators of "tojson" are two texts');
  const [item, key] = pair;
  return { ascii: isTrue(ascii), indent: by, separators: [textArgument(item, 'tojson'), textArgument(key, 'tojson')] };
}

function json(run: Run, value: Value, given: Given[]): Value {
  const options = jsonOptions(run, given);
  return toJson(run.meter, isTrue(given[3]) ? sorted(run, value) : value, options);
}

/** A value with the keys of its dicts in order. */
function sorted(run: Run, value: Value): Value {
  const { meter } = run;
  meter.enter();
  let result = value;
  if (isList(value) || value instanceof Tuple) {
    const items = isList(value) ? value : value.items;
    meter.elements(items.length);
    result = items.map((item) => sorted(run, item));
  } else if (value instanceof Dict) {
    const args: Args = { positional: [true], named: new Map() };
    const pairs = run.filter('dictsort', value, args) as readonly Tuple[];
    result = Dict.from(
      meter,
      pairs.map(({ items: [key, inner] }) => [key as Value, sorted(run, inner as Value)]),
    );
  }
  meter.leave();
  return result;
}

function wordCount(meter: RenderMeter, text: string): number {
  meter.text(text.length);
  let count = 0;
  for (const _ of text.matchAll(/[\p{L}\p{N}_]+/gu)) count += 1;
  return count;
}

/** Filters that give a text. */
export const textFilters: readonly [string, Filter][] = [
  ...filtersOf({
    capitalize: ['', onText((_, text) => capitalize(text))],
    center: [
      'width?',
      onText(({ meter }, text, [w = 80]) => justify(meter, text, intArgument(w, 'center'), ' ', 'center')),
    ],
    e: ['', ({ meter }, value) => escapeHtml(meter, value)],
    escape: ['', ({ meter }, value) => escapeHtml(meter, value)],
    forceescape: ['', ({ meter }, value) => escapeText(meter, pythonStr(meter, value))],
    indent: ['width? first? blank?', indent],
    join: ['d? attribute?', join],
    lower: ['', onText((_, text) => text.toLowerCase())],
    replace: [
      'old new count?',
      ({ meter }, value, [old, by, most = none]) => {
        const count = most === none ? -1 : intArgument(most, 'replace');
        return replace(
          meter,
          pythonStr(meter, value),
          pythonStr(meter, old as Value),
          pythonStr(meter, by as Value),
          count,
        );
      },
    ],
    safe: ['', ({ meter }, value) => new Markup(pythonStr(meter, value))],
    string: ['', ({ meter }, value) => (isString(value) ? value : pythonStr(meter, value))],
    title: ['', ({ meter }, value) => title(pythonStr(meter, value))],
    tojson: ['ensure_ascii? indent? separators? sort_keys?', json],
    trim: ['chars?', onText(({ meter }, text, [characters]) => stripped(meter, text, characters, 'both'))],
    truncate: ['length? killwords? end? leeway?', truncate],
    upper: ['', onText((_, text) => text.toUpperCase())],
    wordcount: ['', ({ meter }, value) => wordCount(meter, pythonStr(meter, value))],
  }),
  ['format', format],
];
