import * as z from 'zod';

const seconds: Readonly<Record<string, number>> = {
  ns: 1e-9,
  us: 1e-6,
  µs: 1e-6,
  μs: 1e-6,
  ms: 1e-3,
  s: 1,
  m: 60,
  h: 3600,
};
const part = '(\\d+(?:\\.\\d*)?|\\.\\d+)(ns|us|µs|μs|ms|s|m|h)';
const plain = /^[-+]?\d+(?:\.\d*)?$/;
const duration = new RegExp(`^[-+]?(?:${part})+$`);

/** Seconds of "5m", "1h30m", "1.5s" as Go writes durations, or of a bare number; undefined if it is neither. */
function parseDuration(text: string): number | undefined {
  if (plain.test(text)) return Number(text);
  if (!duration.test(text)) return undefined;
  const parts = Array.from(
    text.matchAll(new RegExp(part, 'g')),
    ([, n, unit = '']) => Number(n) * (seconds[unit] as number),
  );
  const sum = parts.reduce((a, b) => a + b, 0);
  return text.startsWith('-') ? -sum : sum;
}

// The longest duration in Go, 292 years: a date can be made of it.
const longest = 2 ** 63 / 1e9;
const expectedKeepAlive = 'expected a number of seconds or a duration like "5m" or "1h30m"';

/** Seconds of `keep_alive`; less than none is Infinity. */
export const keepAliveSchema: z.ZodType<number | undefined> = z
  .union([z.number(), z.string()], expectedKeepAlive)
  .transform((given) => (typeof given === 'number' ? given : parseDuration(given)))
  .refine((found) => found !== undefined, expectedKeepAlive)
  .transform((found = 0) => (found < 0 || found > longest ? Number.POSITIVE_INFINITY : found))
  .nullish()
  .transform((found) => found ?? undefined);
