/** Rules for cutting a vocabulary's texts so that the tokens of the parts are those of the whole. */
export interface CutRule {
  /** The most UTF-16 units between two places where a part may be cut. */
  readonly stretch: number;
  /** True if no token reaches across the place between these two UTF-16 units, whatever stands around them. */
  between(before: number, after: number): boolean;
}

/** UTF-16 units of a part. Libllama takes up to 250 bytes for each while it makes tokens of them. */
export const maxPartUnits: number = 2 ** 14;

/** Places to cut a text that has no proper place: between words, else before a possible name of a control token. */
const forced: readonly RegExp[] = [/^.*\S(?=\s)/su, /^.+(?=[<[].{0,63}$)/su, /^.*[^\uD800-\uDBFF]/s];

function forcedEnd(text: string, start: number, reach: number): number {
  const stretch = text.slice(start, reach);
  for (const cut of forced) {
    const part = cut.exec(stretch)?.[0];
    if (part) return start + part.length;
  }
  return reach;
}

/** The end of the part that begins at `start`: as late as possible. */
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
 * Cuts a text, where `cutting` allows it, into parts of at most 16,384 UTF-16 units: the memory for one of them is
 * bounded, and no match of a pre-tokenizer is longer than a stretch. A stretch without a proper place is cut all the
 * same, between words if there are any. The parts make up the text; none splits a character.
 */
export function* textParts(text: string, cutting: CutRule): Generator<string, void, void> {
  for (let start = 0; start < text.length; ) {
    const end = endOfPart(text, start, cutting);
    yield text.slice(start, end);
    start = end;
  }
}
