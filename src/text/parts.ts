// libllama matches most pre-tokenizers with std::regex, which recurses once per character of a match: 5000 to 6500
// letters, digits or signs in a row overflow the 2 MiB stack of a foreign call.
const longest = 2048;

// No pre-tokenizer matches across this, so a line never adds to the match before it.
const newLines = /(?<=\n)(?=\p{L})/u;

// Where to cut, best first: where pre-tokenizers end a match anyway, and never within the name of a control token.
const cuts: readonly RegExp[] = [
  /^.*[\p{L}\p{M}\p{N}](?=\s)/su,
  // Chinese and Japanese punctuation
  /^.*\p{L}(?=[\u3000-\u303F\uFF01-\uFF1F])/su,
  // a control token may begin here and end out of reach
  /^.+(?=[<[].{0,63}$)/su,
  /^.*[^\uD800-\uDBFF]/s,
];

/** Where the part that begins at `start` ends. */
function endOfPart(text: string, start: number): number {
  const reach = text.slice(start, start + longest);
  for (const cut of cuts) {
    const part = cut.exec(reach)?.[0];
    if (part) return start + part.length;
  }
  return start + reach.length;
}

/**
 * Cuts a text so that no pre-tokenizer can match more than 2048 UTF-16 units at once. Only longer lines are cut, after
 * words where there are any, which changes their tokens in rare cases. The parts make up the text; no part splits a
 * character.
 */
export function partsOf(text: string): readonly string[] {
  const parts: string[] = [];
  let start = 0;
  let end = 0;
  for (const line of text.length > longest ? text.split(newLines) : []) {
    for (let cut = end; end + line.length - cut > longest; ) {
      cut = endOfPart(text, cut);
      parts.push(text.slice(start, cut));
      start = cut;
    }
    end += line.length;
  }
  return [...parts, text.slice(start)];
}
