import { EngineError } from './errors.ts';

/** The most texts of a list, and characters (UTF-16 units) of each. */
export interface TextLimits {
  readonly texts: number;
  readonly characters: number;
}

/** The texts that limits allow, in words. */
export const textsExpected = ({ texts, characters }: TextLimits): string =>
  `at most ${texts} texts of 1 to ${characters} characters`;

/** True if texts are within limits, and none is empty. */
export const areWithin = (given: readonly string[], { texts, characters }: TextLimits): boolean =>
  given.length <= texts && given.every(({ length }) => length > 0 && length <= characters);

/** Throws BAD_OPTION unless texts are within limits. */
export function checkTextLimits(option: string, given: readonly string[], limits: TextLimits): void {
  if (areWithin(given, limits)) return;
  const wrong = given.find((text) => !areWithin([text], limits)) ?? `${given.length} texts`;
  const value = wrong.slice(0, limits.characters);
  throw new EngineError('BAD_OPTION', { option, value, expected: textsExpected(limits) });
}
