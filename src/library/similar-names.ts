import { lettersApart } from '../base/nearest-word.ts';

/** The most names that are worth reading. */
const mostNames = 4;
/** The share of a name's letters that may be wrong, and the letters that a part of a name has at least. */
const mostWrong = 0.4;
const leastPart = 3;

/** A name as people remember it: "hf.co/org/Name-GGUF:Q4_K_M" -> "name-q4_k_m". */
const core = (name: string): string =>
  name
    .toLowerCase()
    .replace(/\.gguf$/, '')
    .replace(/^.*\//, '')
    .replace(/-gguf(?=:|$)/, '')
    .replace(/:latest$/, '')
    .replaceAll(':', '-');

/** The share of letters in which two texts differ; small where one begins with the other, or holds it. */
function apart(wanted: string, name: string): number {
  const [short = '', long = ''] = [wanted, name].sort((a, b) => a.length - b.length);
  const differing = lettersApart(wanted, name);
  if (short.length < leastPart || !long.includes(short)) return differing;
  return Math.min(differing, long.startsWith(short) ? 0.1 : 0.2);
}

/** A name's beginnings up to its dashes: "llama-3.2-1b" -> "llama", "llama-3.2". */
const beginnings = (name: string): readonly string[] =>
  [...name.matchAll(/-/g)].map(({ index }) => name.slice(0, index)).filter(({ length }) => length >= leastPart);

/** How much less a name is meant that only begins as it should. */
const forBeginning = 0.1;

/** The share of letters in which a text differs from the beginning of a name that is most like it. */
const apartFromBeginning = (wanted: string, name: string): number =>
  forBeginning + Math.min(...beginnings(name).map((one) => lettersApart(wanted, one)));

/**
 * The names of models that may have been meant by another, the nearest first: whole, or without their tags.
 *
 * @example similarNames('lama3.2', ['llama3.2:1b', 'qwen3:8b']) // ['llama3.2:1b']
 */
export function similarNames(wanted: string, names: Iterable<string>): readonly string[] {
  const [whole = '', base = ''] = [core(wanted), core(wanted.replace(/:[^:/]*$/, ''))];
  return [...names]
    .map((name) => {
      const [fullName, baseOfName] = [core(name), core(name.replace(/:[^:/]*$/, ''))];
      const ways = [
        apart(whole, fullName),
        apart(base, baseOfName),
        apart(whole, baseOfName),
        apartFromBeginning(base, baseOfName),
      ];
      return { name, apart: Math.min(...ways) };
    })
    .filter(({ apart }) => apart <= mostWrong)
    .sort((a, b) => a.apart - b.apart || (a.name < b.name ? -1 : 1))
    .slice(0, mostNames)
    .map(({ name }) => name);
}
