import { drawExpertLayers, type ExpertLayer, expertLayersHeight } from './expert-layers.ts';
import { type Interval, joinBars, packRows } from './intervals.ts';
import { type Colour, coordinate, line, margin, picture, text, ticks, top, width } from './svg.ts';
import { drawName, type Lane } from './timeline-labels.ts';
import { drawStages, timelineStages } from './timeline-stages.ts';
import { drawTotals, totalsOf } from './timeline-totals.ts';

/** One pass over a model. Times are milliseconds from any origin. */
export interface Timeline {
  readonly title: string;
  readonly subtitle: string;
  /** Reads in any order; those before or after the pass are left out. */
  readonly reads: readonly { begin: number; end: number; bytes: number }[];
  /**
   * Steps in order: each asks for its weights at `requested` and computes from `begin` to `end`. `label` names its
   * first weight (blk.12.ffn_down.weight); `streamed` is false if all weights that it reads are resident.
   */
  readonly steps: readonly { requested: number; begin: number; end: number; label: string; streamed: boolean }[];
  /** Experts by layer, where some are read; those of a whole answer. */
  readonly experts?: readonly ExpertLayer[] | undefined;
}

/** Pixels from top to bottom; all rows of reads together take no more than `reads`. */
const heights = { totals: 120, reads: 105, row: 15, lane: 30, gap: 18, edge: 9, axis: 46 };
const left = margin + 92;
const across = width - margin - left;

/**
 * The picture of a pass, an SVG file: time runs from left to right. On top the totals; then the reads in flight, in the
 * fewest rows; the waiting of steps; their computing; behind it all the stages as bands. Each read and each step is a
 * bar; `joinBars` joins those too short to be seen, so that thousands of them still make a small file. Below, of a mixture,
 * how many experts of each layer were found in memory.
 */
export function timelineSvg(timeline: Timeline): string {
  const { title, subtitle, steps, experts = [] } = timeline;
  const pass = passOf(timeline);
  const reads = within(timeline.reads, pass);
  const rows = packRows(reads);

  const row = Math.min(heights.row, heights.reads / Math.max(rows.length, 1));
  const reading: Lane = { y: top + heights.totals, height: Math.max(row * rows.length, heights.lane) };
  const waiting: Lane = { y: reading.y + reading.height + heights.gap, height: heights.lane };
  const computing: Lane = { y: waiting.y + heights.lane + heights.gap, height: heights.lane };
  const bottom = computing.y + heights.lane + heights.edge;
  const area = { x: left, y: reading.y - heights.edge, width: across, height: bottom - reading.y + heights.edge };

  const scale = (time: number): number => left + (across * (time - pass.begin)) / (pass.end - pass.begin || 1);
  const scaled = ({ begin, end }: Interval): Interval => ({ begin: scale(begin), end: scale(end) });
  const starts = steps.map(({ requested, label }) => ({ begin: scale(requested), label }));
  const waited = steps.filter(({ requested, begin }) => begin > requested);
  const waits = waited.map(({ requested, begin }) => scaled({ begin: requested, end: begin }));
  const computes = (kind: boolean): readonly Interval[] => steps.filter((s) => s.streamed === kind).map(scaled);
  return picture({
    title,
    subtitle,
    height: bottom + heights.axis + (experts.length > 0 ? expertLayersHeight : 0),
    body: [
      ...drawTotals(totalsOf(pass, reads, steps)),
      ...drawStages(timelineStages(starts, scale(pass.end)), area),
      ...drawAxis(pass, scale, area),
      ...drawName('Reading', reading, `${rows.length} in flight`),
      ...drawName('Waiting', waiting),
      ...drawName('Computing', computing),
      ...rows.map((bars, i) => drawBars(bars.map(scaled), { y: reading.y + i * row, height: row * 0.85 }, 'blue')),
      drawBars(waits, waiting, 'orange'),
      drawBars(computes(true), computing, 'green'),
      drawBars(computes(false), computing, 'pale-green'),
      ...(experts.length > 0 ? drawExpertLayers(experts, bottom + heights.axis) : []),
    ],
  });
}

/** The time from the first step's request to the last one's end; without steps, as long as anything is read. */
function passOf({ reads, steps }: Timeline): Interval {
  const [first, last] = [steps[0], steps.at(-1)];
  if (first && last) return { begin: first.requested, end: last.end };
  const begin = reads.reduce((least, read) => Math.min(least, read.begin), Number.POSITIVE_INFINITY);
  const end = reads.reduce((most, read) => Math.max(most, read.end), begin);
  return reads.length > 0 ? { begin, end } : { begin: 0, end: 0 };
}

/** The parts of the reads within the pass, with that share of their bytes. */
const within = (reads: Timeline['reads'], pass: Interval): Timeline['reads'] =>
  reads
    .filter(({ begin, end }) => end > pass.begin && begin < pass.end)
    .map((read) => {
      const [begin, end] = [Math.max(read.begin, pass.begin), Math.min(read.end, pass.end)];
      return { begin, end, bytes: (read.bytes * (end - begin)) / (read.end - read.begin || 1) };
    });

/** One path for all bars of a row, which are in pixels: strokes as thick as the lane. */
function drawBars(row: readonly Interval[], lane: Lane, colour: Colour): string {
  const y = coordinate(lane.y + lane.height / 2);
  const strokes = joinBars(row).map(({ begin, end }) => `M${coordinate(begin)} ${y}h${coordinate(end - begin)}`);
  return line(strokes.join(''), colour, lane.height);
}

/** Round times below, and lines up through the lanes. */
function drawAxis(pass: Interval, scale: (time: number) => number, area: Lane): readonly string[] {
  const length = pass.end - pass.begin;
  const [unit, name] = length < 1000 ? [1, 'ms'] : [1000, 's'];
  const bottom = area.y + area.height;
  const marks = ticks(0, length / unit, 9).map(({ at, label }) => ({ x: scale(pass.begin + at * unit), label }));
  return [
    line(marks.map(({ x }) => `M${coordinate(x)} ${coordinate(bottom)}V${coordinate(area.y)}`).join(''), 'grid'),
    ...marks.map(({ x, label }) =>
      text(x, bottom + 19, `${label} ${name}`, { size: 11, colour: 'muted', anchor: 'middle' }),
    ),
  ];
}
