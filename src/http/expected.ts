import type * as z from 'zod';

const types: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'an array',
  object: 'an object',
  record: 'an object',
};
const units: Readonly<Record<string, string>> = { string: ' characters', array: ' elements' };

/** Words for what a schema expected of a value instead of zod's: "expected a number". */
export const expected = (issue: z.core.$ZodRawIssue): string => {
  const { message } = (issue.code === 'invalid_key' && issue.issues[0]) || {};
  return message ?? `expected ${expectation(issue)}`;
};

function expectation(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return types[issue.expected] ?? issue.expected;
    case 'invalid_value':
      return `${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map((value) => JSON.stringify(value)).join(', ')}`;
    case 'too_small':
      return `${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}${units[issue.origin] ?? ''}`;
    case 'too_big':
      return `${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}${units[issue.origin] ?? ''}`;
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
  if (typeof value === 'object' && value !== null) return `, not an object of ${Object.keys(value).length} fields`;
  if (typeof value === 'string' && value.length > mostRepeated) return `, not a string of ${value.length} characters`;
  return `, not ${typeof value === 'string' ? JSON.stringify(value) : value}`;
}
