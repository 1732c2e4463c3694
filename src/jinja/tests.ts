import type { Comparison } from './ast.ts';
import { notSupported, TemplateError } from './errors.ts';
import type { Given, Run } from './filter.ts';
import { filters } from './filters.ts';
import { isIterable, lengthOfValue } from './iterate.ts';
import { binary, compare } from './operators.ts';
import { pythonStr } from './print.ts';
import { bind, signature } from './signature.ts';
import { isLower, isUpper } from './text-methods.ts';
import {
  type Args,
  Dict,
  DictView,
  Float,
  isCallable,
  isHashable,
  isNumber,
  isString,
  Markup,
  none,
  plain,
  typeName,
  Undefined,
  type Value,
} from './values.ts';

type Test = (run: Run, value: Value, args: Args) => boolean;

const comparing = (operator: Comparison): [string, (run: Run, value: Value, given: Given[]) => boolean] => [
  'other',
  ({ meter }, value, [other]) => compare(meter, operator, value, other as Value),
];

/** Whether the remainder of a division is `rest`. */
function remains({ meter }: Run, value: Value, divisor: Value, rest: number): boolean {
  return compare(meter, '==', binary(meter, '%', value, divisor), rest);
}

/** Compares like Python's `is`. Where that depends on how values are stored, the answer is refused. */
function sameAs({ meter }: Run, value: Value, other: Value): boolean {
  const stored = (one: Value): boolean =>
    isString(one) || one instanceof Float || (typeof one === 'number' && one > 256);
  if (stored(value) && stored(other) && typeName(value) === typeName(other) && compare(meter, '==', value, other)) {
    throw notSupported('asking if equal texts or numbers are the same');
  }
  return value === other;
}

function isSequence({ meter }: Run, value: Value): boolean {
  return !(value instanceof DictView) && lengthOfValue(meter, value) !== undefined;
}

function exists(names: ReadonlyMap<string, unknown>, value: Value): boolean {
  if (!isHashable(value)) throw new TemplateError(`a ${typeName(value)} is no name`);
  return isString(value) && names.has(plain(value));
}

/** All tests by name. */
export const tests: ReadonlyMap<string, Test> = new Map(
  Object.entries({
    boolean: ['', (_, value) => typeof value === 'boolean'],
    callable: ['', (_, value) => isCallable(value) || value instanceof Undefined],
    defined: ['', (_, value) => !(value instanceof Undefined)],
    divisibleby: ['num', (run, value, [by]) => remains(run, value, by as Value, 0)],
    escaped: ['', (_, value) => value instanceof Markup],
    even: ['', (run, value) => remains(run, value, 2, 0)],
    false: ['', (_, value) => value === false],
    filter: ['', (_, value) => exists(filters, value)],
    float: ['', (_, value) => value instanceof Float],
    in: ['seq', ({ meter }, value, [container]) => compare(meter, 'in', value, container as Value)],
    integer: ['', (_, value) => typeof value === 'number'],
    iterable: ['', (_, value) => isIterable(value)],
    lower: ['', ({ meter }, value) => isLower(pythonStr(meter, value))],
    mapping: ['', (_, value) => value instanceof Dict],
    none: ['', (_, value) => value === none],
    number: ['', (_, value) => isNumber(value)],
    odd: ['', (run, value) => remains(run, value, 2, 1)],
    sameas: ['other', (run, value, [other]) => sameAs(run, value, other as Value)],
    sequence: ['', isSequence],
    string: ['', (_, value) => isString(value)],
    test: ['', (_, value) => exists(tests, value)],
    true: ['', (_, value) => value === true],
    undefined: ['', (_, value) => value instanceof Undefined],
    upper: ['', ({ meter }, value) => isUpper(pythonStr(meter, value))],
    ...Object.fromEntries(
      (
        [
          ['==', ['==', 'eq', 'equalto']],
          ['!=', ['!=', 'ne']],
          ['>', ['>', 'gt', 'greaterthan']],
          ['>=', ['>=', 'ge']],
          ['<', ['<', 'lt', 'lessthan']],
          ['<=', ['<=', 'le']],
        ] as const
      ).flatMap(([operator, names]) => names.map((name) => [name, comparing(operator)])),
    ),
  } satisfies Record<string, [string, (run: Run, value: Value, given: Given[]) => boolean]>).map(
    ([name, [parameters, holds]]): [string, Test] => {
      const own = signature(`the test "${name}"`, parameters);
      return [name, (run, value, args) => holds(run, value, bind(own, args))];
    },
  ),
);
