import type { ReadEvent } from '../pager/reader.ts';

/** A step of a recorded pass. */
interface RecordedStep {
  readonly requested: number;
  readonly begin: number;
  readonly end: number;
  /** The layer of the first weight that it streams, if it streams one. */
  readonly layer: string | undefined;
}

/** A pass as it went. Times are milliseconds of `performance.now()`. */
export interface RecordedPass {
  /** Tokens of answers, and of prompts. */
  readonly decoding: number;
  readonly prompts: number;
  readonly begin: number;
  readonly end: number;
  readonly reads: readonly Pick<ReadEvent, 'begin' | 'end' | 'bytes'>[];
  readonly steps: readonly RecordedStep[];
}

/** Bars of a lane at most: more cannot be told from each other. */
const mostBars = 400;

/** A bar from and to, in seconds since the pass began. */
export type LaneBar = readonly [from: number, to: number];

/** A pass in seconds since it began. Bars of a lane that are hardly apart are one. */
export interface PassTimeline {
  /** Tokens of answers, and of prompts, that it computed. */
  readonly answer_tokens: number;
  readonly prompt_tokens: number;
  readonly seconds: number;
  /** Bytes that were read meanwhile, and the seconds in which something was being read. */
  readonly bytes: number;
  readonly reading_s: number;
  /** Seconds in which computing waited for reads, and in which it did not. */
  readonly waiting_s: number;
  readonly computing_s: number;
  /** The part that took longer: the pass is no faster than it. */
  readonly bound: 'reading' | 'computing';
  readonly reading: readonly LaneBar[];
  readonly waiting: readonly LaneBar[];
  readonly computing: readonly LaneBar[];
  /** The seconds at which each layer that streams was asked for first. */
  readonly layers: readonly (readonly [from: number, layer: string])[];
}

/** The timeline of a recorded pass. */
export function timelineOf({ decoding, prompts, begin, end, reads, steps }: RecordedPass): PassTimeline {
  const bar = (from: number, to: number): LaneBar => [
    (Math.max(from, begin) - begin) / 1000,
    (Math.min(to, end) - begin) / 1000,
  ];
  const within = reads.filter((read) => read.end > begin && read.begin < end);
  const reading = within.map((read) => bar(read.begin, read.end));
  const waiting = steps.filter((step) => step.begin > step.requested).map((step) => bar(step.requested, step.begin));
  const computing = steps.map((step) => bar(step.begin, step.end));
  const [reading_s, waiting_s, computing_s] = [reading, waiting, computing].map(covered) as [number, number, number];
  const seconds = (end - begin) / 1000;
  const lane = (bars: readonly LaneBar[]): readonly LaneBar[] =>
    joinBarsWithin(bars, seconds / mostBars).map(([a, b]) => [rounded(a), rounded(b)]);
  return {
    answer_tokens: decoding,
    prompt_tokens: prompts,
    seconds,
    bytes: Math.round(
      within.reduce((sum, { bytes, ...read }) => {
        const [from, to] = bar(read.begin, read.end);
        return sum + (bytes * (to - from) * 1000) / (read.end - read.begin || 1);
      }, 0),
    ),
    reading_s,
    waiting_s,
    computing_s,
    bound: reading_s > computing_s ? 'reading' : 'computing',
    reading: lane(reading),
    waiting: lane(waiting),
    computing: lane(computing),
    layers: layersOf(steps).map(([from, layer]) => [rounded(bar(from, from)[0]), layer] as const),
  };
}

/** The layers that stream, and the times at which they were asked for first, one after the other. */
function layersOf(steps: RecordedPass['steps']): readonly (readonly [from: number, layer: string])[] {
  const layers: [number, string][] = [];
  for (const { layer, requested } of steps) {
    if (layer !== undefined && layers.at(-1)?.[1] !== layer) layers.push([requested, layer]);
  }
  return layers;
}

const rounded = (seconds: number): number => Math.round(seconds * 1e5) / 1e5;

/** Bars in order; those with less than `gap` between them are one. */
function joinBarsWithin(bars: readonly LaneBar[], gap: number): readonly LaneBar[] {
  const result: [number, number][] = [];
  for (const [from, to] of bars.toSorted(([a], [b]) => a - b)) {
    const last = result.at(-1);
    if (last && from - last[1] <= gap) last[1] = Math.max(last[1], to);
    else result.push([from, to]);
  }
  return result;
}

/** Seconds in which at least one of the bars runs. */
const covered = (bars: readonly LaneBar[]): number =>
  joinBarsWithin(bars, 0).reduce((sum, [from, to]) => sum + to - from, 0);
