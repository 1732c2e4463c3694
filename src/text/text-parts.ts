/** How a vocabulary's texts may be cut so that the tokens of the parts are those of the whole. */
export interface CutRule {
  /** UTF-16 units that a part has at most between two places where it may be cut. */
  readonly stretch: number;
  /** Does no token reach across the place between these two UTF-16 units, whatever stands around them? */
  between(before: number, after: number): boolean;
}

/** UTF-16 units of a part. libllama takes up to 250 bytes for each while it makes tokens of them. */
export const maxPartUnits: number = 2 ** 14;

/** Where to cut what may be cut nowhere: between words, else before what may be a control token's name. */
const forced: readonly RegExp[] = [/^.*\S(?=\s)/su, /^.+(?=[<[].{0,63}$)/su, /^.*[^\uD800-\uDBFF]/s];

function forcedEnd(text: string, start: number, reach: number): number {
  const stretch = text.slice(start, reach);
  for (const cut of forced) {
    const part = cut.exec(stretch)?.[0];
    if (part) return start + part.length;
  }
  return reach;
}

/** Where the part that begins at `start` ends: as late as it may. */
export function endOfPart(text: string, start: number, { stretch, between }: CutRule): number {
  for (let end = start; ; ) {
    const reach = Math.min(end + stretch, start + maxPartUnits);
    if (text.length <= reach) return text.length;
    let cut = reach;
    while (cut > end && !between(text.charCodeAt(cut - 1), text.charCodeAt(cut))) cut -= 1;
    if (cut === end) return end > start ? end : forcedEnd(text, start, reach);
    end = cut;
  }
}

/**
 * Cuts a text, where `cutting` allows it, into parts of at most 16,384 UTF-16 units: what is held for one of them is
 * bounded, and no match of a pre-tokenizer is longer than a stretch. Where a stretch may be cut nowhere, it is cut all
 * the same, between words if there are any. The parts make up the text; none splits a character.
 */
export function* textParts(text: string, cutting: CutRule): Generator<string, void, void> {
  for (let start = 0; start < text.length; ) {
    const end = endOfPart(text, start, cutting);
    yield text.slice(start, end);
    start = end;
  }
}
