/** A name in a text. */
interface FoundName {
  readonly name: string;
  readonly index: number;
}

/** Finds names in a text, the longest one where several begin alike; there may be any number of them. */
export class NameFinder {
  readonly #names: ReadonlySet<string>;
  /** Lengths of names by their first UTF-16 unit, the longest first. */
  readonly #lengths: ReadonlyMap<string, readonly number[]>;

  constructor(names: Iterable<string>) {
    this.#names = new Set(names);
    const lengths = new Map<string, Set<number>>();
    for (const name of this.#names) {
      const first = name.charAt(0);
      const known = lengths.get(first);
      if (known) known.add(name.length);
      else lengths.set(first, new Set([name.length]));
    }
    this.#lengths = new Map([...lengths].map(([first, all]) => [first, [...all].sort((one, other) => other - one)]));
  }

  /** The names in a text, in their order. */
  *find(text: string): Generator<FoundName, void, void> {
    for (let index = 0; index < text.length; index++) {
      const lengths = this.#lengths.get(text.charAt(index));
      const name = lengths?.map((length) => text.slice(index, index + length)).find((one) => this.#names.has(one));
      if (name === undefined) continue;
      yield { name, index };
      index += name.length - 1;
    }
  }
}
