import * as z from 'zod';
import { expected } from '../expected.ts';

interface Sizes {
  readonly least?: number;
  readonly most?: number;
}

type Context = z.core.$RefinementCtx;

/** True if a list is neither too short nor too long; else `context` has the issue. */
function fits(
  list: readonly unknown[],
  { least = 0, most = Number.POSITIVE_INFINITY }: Sizes,
  context: Context,
): boolean {
  if (list.length >= least && list.length <= most) return true;
  const message = list.length < least ? `expected at least ${least === 1 ? 'one' : least}` : `expected at most ${most}`;
  context.addIssue({ code: 'custom', message });
  return false;
}

/** A list of anything, as it is. */
export const anyList: z.ZodType<unknown[]> = z.custom<unknown[]>(Array.isArray, 'expected an array');

/**
 * A list of elements that `element` accepts, up to the first that it refuses: `z.array` would make an issue of each,
 * which takes a kilobyte.
 */
export const listOf = <T>(element: z.ZodType<T>, sizes: Sizes = {}): z.ZodType<T[]> =>
  anyList.transform((values, context) => {
    if (!fits(values, sizes, context)) return z.NEVER;
    const list: T[] = [];
    for (const [i, value] of values.entries()) {
      const { data, error } = element.safeParse(value, { error: expected });
      const issue = error?.issues[0];
      if (issue) {
        context.issues.push({ ...issue, input: value, path: [i, ...issue.path] } as z.core.$ZodRawIssue);
        return z.NEVER;
      }
      list.push(data as T);
    }
    return list;
  });

const isToken = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;

/** A list of tokens as it is, without a copy. */
export const tokenList = (sizes: Sizes = {}): z.ZodType<readonly number[]> =>
  anyList.transform((value, context) => {
    if (!fits(value, sizes, context)) return z.NEVER;
    const wrong = value.findIndex((token) => !isToken(token));
    if (wrong < 0) return value as number[];
    context.addIssue({ code: 'custom', path: [wrong], message: 'expected a token: a whole number from 0 on' });
    return z.NEVER;
  });
