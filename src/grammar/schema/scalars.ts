import { integersBetween, numbersBetween } from '../decimals.ts';
import { grammarError } from '../grammar-error.ts';
import { anyNumber, wholeNumber } from '../json-text.ts';
import type { GrammarNode } from '../node.ts';
import type { Notation } from '../notation.ts';
import { parseRegex } from '../regex.ts';
import { formats } from './formats.ts';
import { countOf, numberOf, type SchemaObject, under } from './keywords.ts';

const infinite = Number.POSITIVE_INFINITY;

export function stringNode(schema: SchemaObject, place: string, notation: Notation): GrammarNode {
  const { pattern, format } = schema;
  const [min, max] = [countOf(schema, 'minLength', place) ?? 0, countOf(schema, 'maxLength', place) ?? infinite];
  const known = typeof format === 'string' && Object.hasOwn(formats, format) ? formats[format] : undefined;
  if (pattern !== undefined && typeof pattern !== 'string') {
    throw grammarError(under(place, 'pattern'), 'expected a regular expression');
  }
  if (pattern === undefined && known === undefined)
    return min === 0 && max === infinite ? notation.anyString : notation.stringOf(min, max);
  if (pattern !== undefined && known !== undefined) {
    throw grammarError(under(place, 'format'), 'it cannot be enforced together with a pattern');
  }
  const texts = parseRegex(pattern ?? (known as string), {
    place: under(place, pattern === undefined ? 'format' : 'pattern'),
    search: pattern !== undefined,
    character: notation.character,
  });
  if (texts.min >= min && texts.max <= max) return notation.quoted(texts.node);
  const keyword = texts.min < min ? 'minLength' : 'maxLength';
  throw grammarError(under(place, keyword), 'it cannot be enforced together with a pattern that allows other lengths');
}

/** Digits behind the point of the multiples that can be enforced: those of 1, 0.1, 0.01 and so on. */
function placesOf(schema: SchemaObject, place: string): number | undefined {
  const step = numberOf(schema, 'multipleOf', place);
  if (step === undefined) return undefined;
  const places = Math.round(-Math.log10(step));
  if (places >= 0 && places <= 15 && Number(`1e-${places}`) === step) return places;
  throw grammarError(under(place, 'multipleOf'), 'only multiples of 1, 0.1, 0.01 and so on can be enforced');
}

interface NumberBounds {
  readonly min: number | undefined;
  readonly max: number | undefined;
  readonly aboveMin: boolean;
  readonly belowMax: boolean;
}

export function boundsOf(schema: SchemaObject, place: string): NumberBounds {
  const { exclusiveMinimum, exclusiveMaximum } = schema;
  const [minimum, maximum] = [numberOf(schema, 'minimum', place), numberOf(schema, 'maximum', place)];
  // Before 2019 these two were booleans that speak of the others.
  const above = typeof exclusiveMinimum === 'boolean' ? undefined : numberOf(schema, 'exclusiveMinimum', place);
  const below = typeof exclusiveMaximum === 'boolean' ? undefined : numberOf(schema, 'exclusiveMaximum', place);
  const aboveMin = exclusiveMinimum === true || (above !== undefined && above >= (minimum ?? above));
  const belowMax = exclusiveMaximum === true || (below !== undefined && below <= (maximum ?? below));
  return {
    min: above !== undefined && aboveMin ? above : minimum,
    max: below !== undefined && belowMax ? below : maximum,
    aboveMin,
    belowMax,
  };
}

export function numberNode(schema: SchemaObject, place: string, whole: boolean): GrammarNode {
  const places = placesOf(schema, place);
  const bounds = boundsOf(schema, place);
  const { min, max, aboveMin, belowMax } = bounds;
  for (const [keyword, bound] of [
    ['minimum', min],
    ['maximum', max],
  ] as const) {
    if (bound !== undefined && Math.abs(bound) >= 1e15) {
      throw grammarError(under(place, keyword), 'numbers of more than 15 digits cannot be compared');
    }
  }
  if (whole || places === 0) {
    if (min === undefined && max === undefined) return wholeNumber;
    const least = min === undefined ? undefined : aboveMin ? Math.floor(min) + 1 : Math.ceil(min);
    const most = max === undefined ? undefined : belowMax ? Math.ceil(max) - 1 : Math.floor(max);
    return integersBetween(
      least === undefined ? undefined : BigInt(least),
      most === undefined ? undefined : BigInt(most),
    );
  }
  return min === undefined && max === undefined && places === undefined ? anyNumber : numbersBetween(bounds, places);
}
