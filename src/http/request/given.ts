import * as z from 'zod';

/** A field that may be left out; null means the same. */
export const given = <T>(schema: z.ZodType<T>): z.ZodType<T | undefined> =>
  schema.nullish().transform((value) => value ?? undefined);

/** A whole number within bounds, or nothing. */
export const wholeWithin = (least: number, most: number): z.ZodType<number | undefined> =>
  given(z.int().min(least).max(most));

/** The largest whole number, for fields without a bound. */
export const unlimited: number = Number.MAX_SAFE_INTEGER;
