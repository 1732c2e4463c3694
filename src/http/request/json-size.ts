/**
 * The deepest nesting; no client needs more. `JSON.parse` takes memory for each level, 60 times as much as the text.
 */
export const deepest = 256;

/** Memory that V8 takes for a value of JSON beside its text, in units of 16 bytes. */
const weights = { value: 1, text: 8, name: 12, container: 8 };

const codeOf = (character: string): number => character.charCodeAt(0);
const quote = codeOf('"');
const backslash = codeOf('\\');
const comma = codeOf(',');
const colon = codeOf(':');
const [openList, closeList, openObject, closeObject] = ['[', ']', '{', '}'].map(codeOf);

/** The index of the quote that ends the string which begins at `start`. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let before = end;
    while (text.charCodeAt(before - 1) === backslash) before -= 1;
    if ((end - before) % 2 === 0) return end;
  }
  return text.length;
}

/** Depth and weight of a text, if it is JSON; the scan ends where the text weighs more than `most`, or is too deep. */
export function jsonSize(text: string, most: number): { readonly depth: number; readonly weight: number } {
  let depth = 0;
  let deepestYet = 0;
  let weight = 0;
  for (let i = 0; i < text.length && deepestYet <= deepest && weight <= most; i += 1) {
    switch (text.charCodeAt(i)) {
      case quote:
        i = endOfString(text, i);
        weight += weights.text;
        break;
      case comma:
        weight += weights.value;
        break;
      case colon:
        weight += weights.name;
        break;
      case openList:
      case openObject:
        depth += 1;
        deepestYet = Math.max(deepestYet, depth);
        weight += weights.container;
        break;
      case closeList:
      case closeObject:
        depth -= 1;
        break;
      default:
    }
  }
  return { depth: deepestYet, weight };
}
