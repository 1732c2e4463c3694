/** Seconds that steps of a pass take beside their products. */
export interface StepCosts {
  /** Each of them. */
  readonly step: number;
  /** Each read that is made meanwhile; null where none was. */
  readonly core: number | null;
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

/** The faster of two measurements of the same, kind by kind. */
export function fasterOf(a: KernelSpeeds, b: KernelSpeeds): KernelSpeeds {
  const rate = (key: 'plain' | 'converted'): number | null =>
    a[key] === null || b[key] === null ? (a[key] ?? b[key]) : Math.max(a[key], b[key]);
  const least = (key: 'further' | 'rest' | 'choice'): number => Math.min(a[key], b[key]);
  const costs = (a: StepCosts, b: StepCosts): StepCosts => ({
    step: Math.min(a.step, b.step),
    core: a.core === null || b.core === null ? (a.core ?? b.core) : Math.min(a.core, b.core),
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
    core: half.core,
  };
}

/** Bytes a second of weights of a kind; where none was measured, of the other kind. */
export function rateOf({ plain, converted }: KernelSpeeds, isConverted: boolean): number {
  const rate = isConverted ? (converted ?? plain) : (plain ?? converted);
  if (rate === null) throw new RangeError('no speed was measured');
  return rate;
}
