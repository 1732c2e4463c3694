/** The costs of reads that are made while their steps are computed, as a part of a pass has shown. */
export interface ReadsBeside {
  /** Bytes a second, and bytes of a read. */
  readonly read: number;
  readonly bytes: number;
  /** Seconds by which computing is longer for each byte; around the ring those of its steps are among them. */
  readonly core: number;
}

/** Costs of a pass beside its products. */
export interface StepCosts {
  /** Seconds of a step. */
  readonly step: number;
  /** Reads around the ring, ahead of their steps, of each number of bytes that was tried. */
  readonly ring: readonly ReadsBeside[];
  /** Reads of experts that steps wait for; null where none were. */
  readonly experts: ReadsBeside | null;
}

/** Speeds of computing a token: bytes of weights a second, of those as in the file and of those in faster layouts. */
export interface KernelSpeeds extends StepCosts {
  /** null where a plan has no weights of the kind. */
  readonly plain: number | null;
  readonly converted: number | null;
  /** The same with half of the threads, and times that products take as long: they are not in each other's way. */
  readonly half: StepCosts & { readonly slower: number };
  /** The part of a token's products, from 0 to 1, that each further token of the same pass takes. */
  readonly further: number;
  /** Seconds of a token's operations that are no products with weights: norms, rotations, attention to a short text. */
  readonly rest: number;
  /** Seconds between the passes of two tokens: the choice among the vocabulary. */
  readonly choice: number;
}

/** Reads of so many times as many bytes tell as much. */
const alike = 1.5;

const isLike =
  ({ bytes }: Pick<ReadsBeside, 'bytes'>) =>
  (other: Pick<ReadsBeside, 'bytes'>): boolean =>
    Math.max(bytes, other.bytes) <= alike * Math.min(bytes, other.bytes);

/** True if reads of about so many bytes were tried. */
export const knowsReads = (ring: readonly ReadsBeside[], bytes: number): boolean => ring.some(isLike({ bytes }));

/** Reads that were tried, of which those that were `found` now replace others like them. */
export const withReads = (known: readonly ReadsBeside[], found: readonly ReadsBeside[]): readonly ReadsBeside[] => [
  ...known.filter((one) => !found.some(isLike(one))),
  ...found,
];

/** Reads of so many bytes, between the next smaller and the next larger ones that were tried; null if none were. */
export function readsOf(ring: readonly ReadsBeside[], bytes: number): ReadsBeside | null {
  const smaller = ring.filter((one) => one.bytes <= bytes).reduce(largest, undefined);
  const larger = ring.filter((one) => one.bytes > bytes).reduce(smallest, undefined);
  if (!smaller || !larger || smaller.bytes === bytes) return smaller ?? larger ?? null;
  const part = Math.log(bytes / smaller.bytes) / Math.log(larger.bytes / smaller.bytes);
  const between = (of: (one: ReadsBeside) => number): number => of(smaller) + part * (of(larger) - of(smaller));
  return { bytes, read: 1 / between(({ read }) => 1 / read), core: between(({ core }) => core) };
}

type Found = ReadsBeside | undefined;
const largest = (a: Found, b: ReadsBeside): Found => (a && a.bytes > b.bytes ? a : b);
const smallest = (a: Found, b: ReadsBeside): Found => (a && a.bytes < b.bytes ? a : b);

/** The faster of two measurements of the same, kind by kind. */
export function fasterOf(a: KernelSpeeds, b: KernelSpeeds): KernelSpeeds {
  const rate = (key: 'plain' | 'converted'): number | null =>
    a[key] === null || b[key] === null ? (a[key] ?? b[key]) : Math.max(a[key], b[key]);
  const least = (key: 'further' | 'rest' | 'choice'): number => Math.min(a[key], b[key]);
  const beside = (a: ReadsBeside | null, b: ReadsBeside | null): ReadsBeside | null =>
    a === null || b === null
      ? (a ?? b)
      : { read: Math.max(a.read, b.read), bytes: a.bytes, core: Math.min(a.core, b.core) };
  const costs = (a: StepCosts, b: StepCosts): StepCosts => ({
    step: Math.min(a.step, b.step),
    ring: withReads(
      a.ring,
      b.ring.map((one) => beside(a.ring.find(isLike(one)) ?? null, one) ?? one),
    ),
    experts: beside(a.experts, b.experts),
  });
  return {
    plain: rate('plain'),
    converted: rate('converted'),
    ...costs(a, b),
    half: { ...costs(a.half, b.half), slower: Math.min(a.half.slower, b.half.slower) },
    further: least('further'),
    rest: least('rest'),
    choice: least('choice'),
  };
}

/** Seconds that a read takes beside its bytes. */
export interface ReadCosts {
  /** Time of the storage, with as many reads in flight as are best. */
  readonly each: number;
  /** Time of one of the cores, which computing has to do without: for a read, and for each byte of it. */
  readonly core: number;
  readonly coreByte: number;
}

/** Costs where none were measured: about those of a core that reads past the page cache. */
export const usualReadCosts: ReadCosts = { each: 1e-5, core: 3.5e-5, coreByte: 1.5e-11 };

/** Speeds of a machine: of computing, and of reading, in bytes a second. */
export interface Speeds extends KernelSpeeds {
  readonly read: number;
  readonly reads: ReadCosts;
}

/** The speeds with half of the threads. */
export function withHalf<S extends KernelSpeeds>(speeds: S): S {
  const { plain, converted, rest, half } = speeds;
  const slower = (rate: number | null): number | null => (rate === null ? null : rate / half.slower);
  return {
    ...speeds,
    plain: slower(plain),
    converted: slower(converted),
    rest: rest * half.slower,
    step: half.step,
    ring: half.ring,
    experts: half.experts,
  };
}

/** Reads, and all bytes of them. */
export interface Reads {
  readonly count: number;
  readonly bytes: number;
}

/**
 * Seconds that the storage takes for reads; as many as they were seen to take while steps were computed, if they were. Shorter
 * reads than those are more of them.
 */
export function readSeconds(
  { read, reads: { each } }: Pick<Speeds, 'read' | 'reads'>,
  { count, bytes }: Reads,
  seen: ReadsBeside | null = null,
): number {
  return seen ? bytes / seen.read + Math.max(0, count - bytes / seen.bytes) * each : bytes / read + count * each;
}

/** Seconds of computing that reads cost. */
export const coreSeconds = (
  { reads }: Pick<Speeds, 'reads'>,
  { count, bytes }: Reads,
  seen: ReadsBeside | null,
): number => (seen ? bytes * seen.core : count * reads.core + bytes * reads.coreByte);

/** Bytes a second of weights of a kind; where none was measured, of the other kind. */
export function rateOf({ plain, converted }: KernelSpeeds, isConverted: boolean): number {
  const rate = isConverted ? (converted ?? plain) : (plain ?? converted);
  if (rate === null) throw new RangeError('no speed was measured');
  return rate;
}
