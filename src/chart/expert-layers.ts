import { type Box, boxes, type Colour, digits, margin, width } from './svg.ts';
import { drawKey, drawName } from './timeline-labels.ts';
import { drawStages } from './timeline-stages.ts';

/** The experts of a layer, in an answer of some tokens. */
export interface ExpertLayer {
  readonly name: string;
  readonly asked: number;
  /** Those that were in memory. */
  readonly hits: number;
  /** Milliseconds of waiting for the others, per token. */
  readonly waited: number;
}

/** Pixels from top to bottom. */
const heights = { names: 26, shares: 84, gap: 18, waits: 36, bottom: 36 };
const left = margin + 92;
const across = width - margin - left;
/** Pixels: the widest bar, and the seam beside one that has room for it. */
const bar = { most: 40, seam: 1.5 };

export const expertLayersHeight: number = heights.names + heights.shares + heights.gap + heights.waits + heights.bottom;

/**
 * Draws how many of each layer's experts were found in memory, how many had to be read, and how long they were waited for,
 * with its upper edge at `y`: a bar for each layer, from left to right.
 */
export function drawExpertLayers(layers: readonly ExpertLayer[], y: number): readonly string[] {
  const pitch = Math.min(bar.most, across / layers.length);
  const seam = pitch > 4 * bar.seam ? bar.seam : 0;
  const shares = { x: left, y: y + heights.names, width: pitch * layers.length, height: heights.shares };
  const waits = { ...shares, y: shares.y + shares.height + heights.gap, height: heights.waits };
  const whole = { ...shares, height: waits.y + waits.height - shares.y };

  const sum = (of: (layer: ExpertLayer) => number): number => layers.reduce((total, layer) => total + of(layer), 0);
  const found = sum(({ hits }) => hits) / (sum(({ asked }) => asked) || 1);
  const longest = Math.max(...layers.map(({ waited }) => waited));
  /** A bar for each layer, between two shares of the area's height from its bottom. */
  const bars = (area: Box, colour: Colour, of: (layer: ExpertLayer) => readonly [from: number, to: number]): string =>
    boxes(
      layers.map((layer, i) => {
        const [from, to] = of(layer);
        const height = (to - from) * area.height;
        return { x: left + i * pitch, y: area.y + (1 - to) * area.height, width: pitch - seam, height };
      }),
      colour,
    );
  const share = ({ asked, hits }: ExpertLayer): number => hits / (asked || 1);
  return [
    ...drawStages(
      layers.map(({ name }, i) => ({
        begin: left + i * pitch,
        end: left + (i + 1) * pitch,
        name: name.replace('blk.', ''),
      })),
      whole,
      'Layer',
    ),
    ...drawName('Experts', shares, `${Math.round(100 * found)} % found`),
    bars(shares, 'green', (layer) => [0, share(layer)]),
    bars(shares, 'blue', (layer) => [share(layer), layer.asked > 0 ? 1 : 0]),
    ...drawName('Waiting', waits, `to ${digits(longest)} ms`),
    bars(waits, 'orange', ({ waited }) => [0, waited / (longest || 1)]),
    ...drawKeys(whole.y + whole.height + 20),
  ];
}

const drawKeys = (y: number): readonly string[] => [
  ...drawKey(left, y, 'found in memory', 'green'),
  ...drawKey(left + 140, y, 'read', 'blue'),
  ...drawKey(left + 210, y, 'waiting for those, for each token', 'orange'),
];
