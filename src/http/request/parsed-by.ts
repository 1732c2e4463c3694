import type * as z from 'zod';
import { expected } from '../expected.ts';

/** A value as a schema that was chosen by a part of it reads it; undefined if it does not fit, which is then said in `context`. */
export function parsedBy<T>(schema: z.ZodType<T>, value: unknown, context: z.core.$RefinementCtx): T | undefined {
  const { data, error } = schema.safeParse(value, { error: expected });
  for (const issue of error?.issues ?? []) context.issues.push({ ...issue, input: value } as z.core.$ZodRawIssue);
  return data;
}
