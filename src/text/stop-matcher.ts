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

/**
 * Ends a streamed text before the first stop string. A stop string may be spread over any number of pieces; only text
 * that could still become one is held back.
 */
export class StopMatcher {
  readonly #stops: readonly string[];
  #held = '';
  #stopped: string | undefined;

  /** A matcher of `stops`; empty ones are ignored. */
  constructor(stops: readonly string[]) {
    this.#stops = stops.filter((stop) => stop !== '');
  }

  /** The stop string that has ended the text. */
  get stopText(): string | undefined {
    return this.#stopped;
  }

  push(piece: string): Passed {
    if (this.#stopped !== undefined) return { text: '', stopped: true };
    const text = this.#held + piece;
    const match = firstMatch(text, this.#stops);
    if (match) {
      this.#held = '';
      this.#stopped = text.slice(match.start, match.end);
      return { text: text.slice(0, match.start), stopped: true };
    }
    const open = text.length - openLength(text, this.#stops);
    this.#held = text.slice(open);
    return { text: text.slice(0, open), stopped: false };
  }

  /** Ends the text: returns the part that was held back. */
  end(): string {
    const held = this.#held;
    this.#held = '';
    return held;
  }
}
