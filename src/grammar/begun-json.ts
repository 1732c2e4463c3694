import type { Automaton, State } from './automaton.ts';

/** The parts of JSON: strings, of which the last may be open, words, signs, and blanks. */
const parts = /"(?:[^"\\]|\\.)*(?:"|\\?$)|[\w.+-]+|\s+|[^"\s]/gs;
const isBlank = (part: string): boolean => part.trim() === '';

/**
 * The state behind the begin of a JSON value, whatever blanks it has between its parts: a grammar may allow fewer.
 * Undefined if no value begins so. Throws BAD_GRAMMAR: too many readings.
 */
export function stateBehindJson(automaton: Automaton, begin: string): State | undefined {
  const advance = (from: State, text: string): State | undefined => {
    let state: State | undefined = from;
    automaton.beginToken();
    for (const byte of Buffer.from(text)) state = state && automaton.advance(state, byte);
    return state;
  };
  // With a blank at the end first, then without it; behind the next part they are mostly one.
  let states: readonly State[] = [automaton.start];
  let before = '';
  for (const { 0: part, index } of begin.matchAll(parts)) {
    const next = states.flatMap((state) => advance(state, isBlank(part) ? ' ' : part) ?? []);
    const separates = isBlank(part) && /\w$/.test(before) && /^\w/.test(begin.slice(index + part.length));
    states = [...new Set(isBlank(part) && !separates ? [...next, ...states] : next)];
    before = part;
  }
  return states[0];
}
