import { at } from '../base/at.ts';
import type { KvHome } from './kv-options.ts';
import type { Plan } from './plan.ts';

/** Bytes of a layer's weights, by the place that they have. */
export interface LayerPlaces {
  /** Name: "blk.3", or "output" for the weights behind all layers. */
  readonly name: string;
  readonly resident: number;
  /** Bytes that every pass reads. */
  readonly streamed: number;
  /** Bytes of experts of which some are in memory at a time. */
  readonly experts: number;
  /** The place of its keys and values; null for weights that are no layer's. */
  readonly kv: KvHome | null;
}

/** The layer of a weight: blk.3.ffn_gate_exps.weight -> blk.3, output_norm.weight -> output. */
export function layerOf(weight: string): string {
  const layer = /^[a-z_]+\.(?:[a-z_]+\.)?\d+(?=\.)/.exec(weight);
  return layer ? layer[0] : 'output';
}

/** The weights of a plan by layer, in order of use. */
export function layerMap({ slices, placements, kvHomes }: Plan): readonly LayerPlaces[] {
  const layers = new Map<string, { -readonly [K in keyof LayerPlaces]: LayerPlaces[K] }>();
  for (const { id, weight, extent } of slices) {
    const name = layerOf(weight.name);
    const [number] = /\d+$/.exec(name) ?? [];
    const kv = number === undefined ? null : (kvHomes?.[Number(number)] ?? 'ram');
    const layer = layers.get(name) ?? { name, resident: 0, streamed: 0, experts: 0, kv };
    layers.set(name, layer);
    const { kind } = at(placements, id);
    layer[kind === 'ring' ? 'streamed' : kind === 'experts' ? 'experts' : 'resident'] += extent.length;
  }
  return [...layers.values()];
}
