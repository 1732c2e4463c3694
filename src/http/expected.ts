import type * as z from 'zod';

const types: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'an array',
  object: 'an object',
  record: 'an object',
  tuple: 'an array',
  null: 'null',
  undefined: 'nothing',
  never: 'nothing',
  nonoptional: 'a value',
};
const units: Readonly<Record<string, string>> = { string: 'character', array: 'element' };

/** A count with its unit: "1 character", "20 elements". */
const counted = (count: number | bigint, unit: string): string => `${count} ${unit}${Number(count) === 1 ? '' : 's'}`;

/** A bound in the unit in which values of a kind are measured, if there is one. */
function measured(bound: number | bigint, origin: string): string {
  const unit = units[origin];
  return unit === undefined ? `${bound}` : counted(bound, unit);
}

/** Words for what a schema expected of a value instead of zod's: "expected a number". */
export const expected = (issue: z.core.$ZodRawIssue): string => {
  const { message } = ((issue.code === 'invalid_key' || issue.code === 'invalid_element') && issue.issues[0]) || {};
  return message ?? `expected ${expectation(issue)}`;
};

function expectation(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return types[issue.expected] ?? 'something else';
    case 'invalid_value':
      return `${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map((value) => JSON.stringify(value)).join(', ')}`;
    case 'too_small':
      return `${issue.inclusive === false ? 'more than' : 'at least'} ${measured(issue.minimum, issue.origin)}`;
    case 'too_big':
      return `${issue.inclusive === false ? 'less than' : 'at most'} ${measured(issue.maximum, issue.origin)}`;
    case 'not_multiple_of':
      return `a multiple of ${issue.divisor}`;
    case 'unrecognized_keys':
      return `no ${issue.keys.map((key) => JSON.stringify(key)).join(', ')}`;
    case 'invalid_format':
      return 'a string of another form';
    default:
      return 'something else';
  }
}

/** Characters of a sent string that are repeated to its sender. */
const mostRepeated = 60;

/** Words for the value that came instead, to stand behind the expectation. */
export function instead(value: unknown): string {
  if (value === undefined) return ', but it is missing';
  if (Array.isArray(value)) return `, not an array of ${value.length}`;
  if (typeof value === 'object' && value !== null)
    return `, not an object of ${counted(Object.keys(value).length, 'field')}`;
  if (typeof value === 'string' && value.length > mostRepeated)
    return `, not a string of ${counted(value.length, 'character')}`;
  return `, not ${typeof value === 'string' ? JSON.stringify(value) : value}`;
}
