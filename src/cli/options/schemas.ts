import * as z from 'zod';
import type { EngineError } from '../../base/errors.ts';
import { parseBytes } from '../../base/size.ts';
import { areWithin, type TextLimits, textsExpected } from '../../base/text-limits.ts';
import { thinkLevels } from '../../chat/think-levels.ts';
import type { LoraOption } from '../../runtime/lora-adapters.ts';
import { shareOfMachine } from '../../runtime/machine.ts';

const decimal = /^\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*$/i;

/** A number as such, or as text. */
export const numberOrText = (value: unknown): unknown =>
  typeof value === 'string' && decimal.test(value) ? Number(value) : value;

// Each schema is built when the first value comes: to build those of all options took 5 ms of every start.

/** A number of `what`, within bounds. */
export function whole(what: string, min: number, max: number = Number.MAX_SAFE_INTEGER): z.ZodType<number> {
  const expected = max === Number.MAX_SAFE_INTEGER ? `${what} from ${min} on` : `${what} from ${min} to ${max}`;
  return z.lazy(() => z.preprocess(numberOrText, z.int(expected).min(min, expected).max(max, expected)));
}

/** A number within bounds. */
export function real(
  { min, max }: { readonly min: number; readonly max: number },
  expected: string = `a number from ${min} to ${max}`,
): z.ZodType<number> {
  return z.lazy(() => z.preprocess(numberOrText, z.number(expected).min(min, expected).max(max, expected)));
}

/** A value, or `auto`, which is the same as none: the value is chosen. */
export const auto = <T>(schema: z.ZodType<T>): z.ZodType<T | undefined> =>
  z.lazy(() => z.preprocess((value) => (value === 'auto' ? undefined : value), schema.optional()));

/** A text that is not blank. */
export const named = (expected: string): z.ZodType<string> => z.lazy(() => z.string(expected).trim().min(1, expected));

/** Texts, none of which is empty, within limits. */
export function texts(most: TextLimits): z.ZodType<string[]> {
  const expected = textsExpected(most);
  return z.lazy(() => z.array(z.string(expected), expected).refine((given) => areWithin(given, most), expected));
}

/** Texts, or one with commas. */
export const list = (expected: string): z.ZodType<string[]> =>
  z.lazy(() =>
    z.preprocess(
      (value) => (typeof value === 'string' ? value.split(',').map((part) => part.trim()) : value),
      z.array(named(expected), expected),
    ),
  );

/** A path, and a number behind "=". */
const scaled = /^(.+)=([^=]*)$/s;

/** LoRA adapters as texts "FILE" or "FILE=scale", or one text with commas. A text behind "=" that is no number is part of a name. */
export const adapters: z.ZodType<readonly LoraOption[]> = z.lazy(() =>
  list('a GGUF file, with "=" and a number behind it for a scale').transform((texts) =>
    texts.map((text): LoraOption => {
      const [, path, scale = ''] = scaled.exec(text) ?? [];
      return path !== undefined && decimal.test(scale) ? { path, scale: Number(scale) } : { path: text };
    }),
  ),
);

/** Whether to think: yes (auto, where no level is given), no, or how much. */
export const thinking: z.ZodType<boolean | string> = z.lazy(() =>
  z.preprocess(
    (value) => (value === 'auto' || value === 'true' ? true : value === 'false' ? false : value),
    z.union([z.boolean(), z.enum(thinkLevels)], `true, false, or ${thinkLevels.join(', ')}`),
  ),
);

/** One of several texts: "f16, q8_0 or q4_0". */
export const oneOf = <T extends string>(choices: readonly [T, ...T[]]): z.ZodType<T> =>
  z.lazy(() => z.enum(choices, `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`));

const expectedSize = 'a size: 8G, 1.5G, 512M or a number of bytes; or auto';

/** Bytes, or the value that `others` makes of a text. */
const sized = <T>(expected: string, others: (value: unknown) => T | undefined): z.ZodType<number | T> =>
  z.lazy(() =>
    z.union([z.string(), z.number()], expected).transform((value, context) => {
      const other = others(value);
      if (other !== undefined) return other;
      try {
        return parseBytes(`${value}`);
      } catch (error) {
        const { hint } = (error as EngineError<'BAD_SIZE'>).details;
        context.addIssue({ code: 'custom', message: hint === undefined ? expected : `${expected} (${hint})` });
        return z.NEVER;
      }
    }),
  );

/** A size in bytes. */
export const size: z.ZodType<number> = sized<never>(expectedSize, () => undefined);

/** A size in bytes, or a share of the memory that this process can have: "50%". */
export const sizeOrShare: z.ZodType<number> = sized(`${expectedSize}, or a share of the memory: 50%`, (value) =>
  shareOfMachine(`${value}`),
);

/** A size in bytes, 0 for none, or auto. */
export const sizeOrNone: z.ZodType<number | 'auto'> = sized(`${expectedSize}, or 0 for none`, (value) => {
  if (value === 'auto') return value;
  return numberOrText(value) === 0 ? 0 : undefined;
});

const truths: ReadonlyMap<unknown, boolean> = new Map<unknown, boolean>([
  ...[true, 'true', 1, '1'].map((value) => [value, true] as const),
  ...[false, 'false', 0, '0'].map((value) => [value, false] as const),
]);

/** Yes or no, as such or as text. */
export const truth: z.ZodType<boolean> = z.lazy(() =>
  z.preprocess((value) => truths.get(value), z.boolean('true or false')),
);

/** The expectation in `issue`, in our words; the last of several that have none. */
function expectationOf(issue: z.core.$ZodIssue): string {
  const ours = !/^Invalid input/.test(issue.message);
  const [last] = (!ours && issue.code === 'invalid_union' && issue.errors.at(-1)) || [];
  return last ? expectationOf(last) : issue.message.replace(/^expected /, '');
}

/** The value that `schema` makes of `given`. Throws `refusal` of the expectation if it is not valid. */
export function accept<T>(schema: z.ZodType<T>, given: unknown, refusal: (expected: string) => Error): T {
  const { success, data, error } = schema.safeParse(given);
  if (success) return data;
  const [issue] = error.issues;
  throw issue ? refusal(expectationOf(issue)) : error;
}
