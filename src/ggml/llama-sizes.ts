/** Bytes of memory that a context takes. */
export interface LlamaSizes {
  /** Whatever is kept of texts. */
  readonly state: number;
  /** Intermediate results of the largest batch. */
  readonly compute: number;
  /** Copies of logits. */
  readonly outputs: number;
}

/**
 * The sizes of a context of any number of `cells`, made of those of contexts with `most` at most. They grow with the
 * cells in straight lines, of which the steepest is the largest at `most`.
 */
export function sizesOfLonger(cells: number, most: number, sizesOf: (cells: number) => LlamaSizes): LlamaSizes {
  if (cells <= most) return sizesOf(cells);
  const [shorter, longer] = [sizesOf(most / 2), sizesOf(most)];
  const grown = (part: keyof LlamaSizes): number =>
    longer[part] + Math.ceil(((longer[part] - shorter[part]) * (cells - most)) / (most / 2));
  return { state: grown('state'), compute: grown('compute'), outputs: longer.outputs };
}

/** Libllama's log tells sizes in MiB with two decimals. */
const rounding = 0.01;

const sizeLines: readonly (readonly [keyof LlamaSizes, RegExp])[] = [
  ['state', /: size = +([\d.]+) MiB \(/],
  ['state', / state buffer size = +([\d.]+) MiB/],
  ['compute', / compute buffer size = +([\d.]+) MiB/],
  ['outputs', / output buffer size = +([\d.]+) MiB/],
];

/** Adds the sizes that a line of libllama's log tells. */
export function addSizes(line: string, sizes: { -readonly [K in keyof LlamaSizes]: LlamaSizes[K] }): void {
  for (const [part, pattern] of sizeLines) {
    const [, size] = pattern.exec(line) ?? [];
    if (size !== undefined) sizes[part] += Math.ceil((Number(size) + rounding) * 2 ** 20);
  }
}
