import type { TextLimits } from '../base/text-limits.ts';

/** The most stop texts, and characters (UTF-16 units) of each: all are looked for after each token. */
export const stopLimits: TextLimits = { texts: 64, characters: 4096 };

interface Passed {
  /** Text that belongs to the answer. */
  readonly text: string;
  /** True once a stop string has ended the answer. */
  readonly stopped: boolean;
}

interface Match {
  readonly start: number;
  readonly end: number;
}

/** The stop string that is complete first; the longest of those that end together. */
function firstMatch(text: string, stops: readonly string[]): Match | undefined {
  let first: Match | undefined;
  for (const stop of stops) {
    const start = text.indexOf(stop);
    const end = start + stop.length;
    if (start >= 0 && (!first || end < first.end || (end === first.end && start < first.start))) first = { start, end };
  }
  return first;
}

/** Length of the longest end of `text` that a stop string could begin with. */
export function openLength(text: string, stops: readonly string[]): number {
  const longest = stops.reduce((most, stop) => Math.max(most, stop.length - 1), 0);
  for (let length = Math.min(longest, text.length); length > 0; length--) {
    const tail = text.slice(-length);
    if (stops.some((stop) => stop.length > length && stop.startsWith(tail))) return length;
  }
  return 0;
}

/** A part of a text, and whether it is shown. */
interface Piece {
  readonly text: string;
  readonly shown: boolean;
}

/** Pieces in two at a place in their text. */
function cut(pieces: readonly Piece[], place: number): readonly [before: readonly Piece[], behind: readonly Piece[]] {
  const [before, behind]: [Piece[], Piece[]] = [[], []];
  let start = 0;
  for (const { text, shown } of pieces) {
    const units = Math.max(0, place - start);
    if (units > 0) before.push({ text: text.slice(0, units), shown });
    if (units < text.length) behind.push({ text: text.slice(units), shown });
    start += text.length;
  }
  return [before, behind];
}

const shownText = (pieces: readonly Piece[]): string => pieces.map(({ text, shown }) => (shown ? text : '')).join('');

/**
 * Ends a streamed text before the first stop string. A stop string may be spread over any number of pieces; only text
 * that could still become one is held back. Pieces that are not shown can be part of a stop string, of the answer never.
 */
export class StopMatcher {
  readonly #stops: readonly string[];
  #held: readonly Piece[] = [];
  #stopped: string | undefined;

  /** A matcher of `stops`; empty ones are ignored. */
  constructor(stops: readonly string[]) {
    this.#stops = stops.filter((stop) => stop !== '');
  }

  /** The stop string that has ended the text. */
  get stopText(): string | undefined {
    return this.#stopped;
  }

  push(piece: string, shown = true): Passed {
    if (this.#stopped !== undefined) return { text: '', stopped: true };
    const pieces = [...this.#held, { text: piece, shown }];
    const text = pieces.map((held) => held.text).join('');
    const match = firstMatch(text, this.#stops);
    if (match) this.#stopped = text.slice(match.start, match.end);
    const [passed, held] = cut(pieces, match?.start ?? text.length - openLength(text, this.#stops));
    this.#held = match ? [] : held;
    return { text: shownText(passed), stopped: match !== undefined };
  }

  /** Ends the text: returns the part that was held back. */
  end(): string {
    const held = shownText(this.#held);
    this.#held = [];
    return held;
  }
}
