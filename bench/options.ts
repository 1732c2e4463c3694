import { InvalidArgumentError } from 'commander';

/** The value of an option that is a whole number from 1 on. */
export function positiveNumber(text: string): number {
  const n = Number(text);
  if (!Number.isSafeInteger(n) || n < 1) throw new InvalidArgumentError('expected a whole number from 1 on.');
  return n;
}
