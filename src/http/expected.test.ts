import assert from 'node:assert/strict';
import test from 'node:test';
import * as z from 'zod';
import { expected, instead } from './expected.ts';

const said = (schema: z.ZodType, value: unknown): string | undefined =>
  schema.safeParse(value, { error: expected }).error?.issues[0]?.message;

test('what is expected is said of each kind of check', () => {
  for (const [schema, value, message] of [
    [z.string(), 5, 'expected a string'],
    [z.number(), Number.POSITIVE_INFINITY, 'expected a number'],
    [z.int(), 1.5, 'expected a whole number'],
    [z.boolean(), 'yes', 'expected true or false'],
    [z.array(z.string()), {}, 'expected an array'],
    [z.looseObject({}), null, 'expected an object'],
    [z.record(z.string(), z.number()), [], 'expected an object'],
    [z.record(z.string().regex(/^\d$/, 'expected a digit'), z.number()), { a: 1 }, 'expected a digit'],
    [z.enum(['a', 'b']), 'c', 'expected one of "a", "b"'],
    [z.literal(1), 2, 'expected 1'],
    [z.number().min(1), 0, 'expected at least 1'],
    [z.number().gt(1), 1, 'expected more than 1'],
    [z.int().max(20), 21, 'expected at most 20'],
    [z.string().max(2), 'abc', 'expected at most 2 characters'],
    [z.array(z.string()).min(1), [], 'expected at least 1 element'],
    [z.string().min(1), '', 'expected at least 1 character'],
    [z.object({ a: z.unknown().pipe(z.string().optional()) }), {}, 'expected a value'],
    [z.null(), 1, 'expected null'],
    [z.never(), 1, 'expected nothing'],
    [z.tuple([z.string()]), 'a', 'expected an array'],
    [z.number().multipleOf(2), 3, 'expected a multiple of 2'],
    [z.strictObject({}), { a: 1 }, 'expected no "a"'],
    [z.url(), 'a', 'expected a string of another form'],
    [z.date(), 'a', 'expected something else'],
    [z.union([z.string(), z.number()], 'expected either'), null, 'expected either'],
  ] as const) {
    assert.equal(said(schema, value), message);
  }
});

test('what came instead is repeated as far as it is short', () => {
  assert.deepEqual([undefined, null, true, 1.5, 'hot', 'x'.repeat(2000), [1, 2], { a: 1 }].map(instead), [
    ', but it is missing',
    ', not null',
    ', not true',
    ', not 1.5',
    ', not "hot"',
    ', not a string of 2000 characters',
    ', not an array of 2',
    ', not an object of 1 field',
  ]);
});
