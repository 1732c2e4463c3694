import type { RunningEngine } from '../worker/server-status.ts';

/** A part of the budget, under the name of its colour. */
export interface Share {
  readonly kind: 'runtime' | 'kv' | 'compute' | 'ring' | 'experts' | 'resident' | 'adapters' | 'draft' | 'unused';
  readonly name: string;
  readonly bytes: number;
}

const names: Readonly<Record<Share['kind'], string>> = {
  runtime: 'process',
  kv: 'keys and values',
  compute: 'compute',
  ring: 'ring',
  experts: 'experts',
  resident: 'resident weights',
  adapters: 'adapters',
  draft: 'draft model',
  unused: 'left',
};

type Plan = Pick<RunningEngine['plan'], 'memory' | 'unused'>;

/** The parts of a plan's budget that are not empty, in the order in which they are shown. */
export function sharesOf({ memory, unused }: Plan): readonly Share[] {
  const bytes = { ...memory, unused };
  return (Object.keys(names) as Share['kind'][])
    .map((kind) => ({ kind, name: names[kind], bytes: bytes[kind] }))
    .filter((share) => share.bytes > 0);
}

type Layer = RunningEngine['layers'][number];

/** Bytes of a layer's weights, wherever they are. */
export const layerBytes = ({ resident, streamed, expert_bytes }: Layer): number => resident + streamed + expert_bytes;

/** Bytes of all weights. */
export const bytesOfLayers = (layers: readonly Layer[]): number =>
  layers.reduce((sum, layer) => sum + layerBytes(layer), 0);

/** Figures of one moment, in milliseconds. */
export interface Sample {
  readonly time: number;
  readonly figures: Readonly<Record<string, number>>;
}

/** Milliseconds over which rates are taken. */
const span = 3000;

/** Rates by the samples of the last seconds. */
export class Rates {
  #samples: readonly Sample[] = [];

  add(sample: Sample): void {
    const recent = this.#samples.filter(({ time }) => sample.time - time <= span && time < sample.time);
    // A server that was started anew counts from zero.
    const continues = recent.every(
      ({ figures }) => figureOf(figures, 'passes_total') <= figureOf(sample.figures, 'passes_total'),
    );
    this.#samples = continues ? [...recent, sample] : [sample];
  }

  /** Growth of a figure a second; 0 before there are two samples. */
  perSecond(name: string): number {
    return this.#growth(name) / Math.max(this.#seconds, 1e-3);
  }

  /** Growth of a figure by that of another one; undefined where that has not grown. */
  per(name: string, other: string): number | undefined {
    const divisor = this.#growth(other);
    return divisor > 0 ? this.#growth(name) / divisor : undefined;
  }

  get #seconds(): number {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    return first && last ? (last.time - first.time) / 1000 : 0;
  }

  #growth(name: string): number {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    return first && last ? figureOf(last.figures, name) - figureOf(first.figures, name) : 0;
  }
}

/** A figure that every status has. */
export function figureOf(figures: Sample['figures'], name: string): number {
  const value = figures[name];
  if (value === undefined) throw new Error(`the status has no ${name}`);
  return value;
}

/** A figure with its name, for those who read the page by program. */
export const figureData = (figures: Sample['figures'], name: string): { name: string; value: number } => ({
  name,
  value: figureOf(figures, name),
});
