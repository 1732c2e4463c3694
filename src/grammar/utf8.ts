import type { CharacterRange } from './node.ts';

/** Values of one byte, from the first to the last. */
export type Utf8Range = readonly [first: number, last: number];

/** The first byte of a control token, which no text has; its name follows. */
export const controlByte = 0xff;

/** The last code points that take one, two and three bytes. */
const lastOfLength = [0x7f, 0x7ff, 0xffff];
const surrogates: CharacterRange = { first: 0xd800, last: 0xdfff };

/**
 * The UTF-8 of a range of code points, as sequences of ranges of bytes: a text of one of the characters is one byte of
 * each range in turn. Surrogates have none.
 */
export function utf8Sequences({ first, last }: CharacterRange): readonly (readonly Utf8Range[])[] {
  if (first > last) return [];
  if (first <= surrogates.last && last >= surrogates.first) {
    return [
      ...utf8Sequences({ first, last: surrogates.first - 1 }),
      ...utf8Sequences({ first: surrogates.last + 1, last }),
    ];
  }
  const cut = cutOf(first, last);
  if (cut !== undefined) {
    return [...utf8Sequences({ first, last: cut }), ...utf8Sequences({ first: cut + 1, last })];
  }
  const [low, high] = [utf8Of(first), utf8Of(last)];
  return [Array.from(low, (byte, i) => [byte, high[i] as number] as const)];
}

const utf8Of = (codePoint: number): Uint8Array => Buffer.from(String.fromCodePoint(codePoint));

/** The end of a part of the range that is cut off, since the bytes of the rest go on otherwise; undefined for none. */
function cutOf(first: number, last: number): number | undefined {
  const length = lastOfLength.find((most) => first <= most && most < last);
  if (length !== undefined) return length;
  if (last <= 0x7f) return undefined;
  for (let bits = 6; bits <= 18; bits += 6) {
    const low = (1 << bits) - 1;
    if ((first & ~low) === (last & ~low)) continue;
    if ((first & low) !== 0) return first | low;
    if ((last & low) !== low) return (last & ~low) - 1;
  }
  return undefined;
}
