import { covered, type Interval } from './intervals.ts';
import { digits, margin, text, top, width } from './svg.ts';
import { drawKey } from './timeline-labels.ts';

/** The time of a pass by use: milliseconds, and the bytes read in it. */
export interface TimelineTotals {
  readonly pass: number;
  /** Time in which at least one read was in flight. */
  readonly reading: number;
  readonly waiting: number;
  readonly computing: number;
  readonly bytes: number;
  readonly steps: number;
  /** True if some of the steps read resident weights only. */
  readonly resident: boolean;
}

type Read = Interval & { readonly bytes: number };
type Step = Interval & { readonly requested: number; readonly streamed: boolean };

export const totalsOf = (pass: Interval, reads: readonly Read[], steps: readonly Step[]): TimelineTotals => ({
  pass: pass.end - pass.begin,
  reading: covered(reads),
  waiting: sum(steps.map(({ requested, begin }) => begin - requested)),
  computing: sum(steps.map(({ begin, end }) => end - begin)),
  bytes: sum(reads.map(({ bytes }) => bytes)),
  steps: steps.length,
  resident: steps.some(({ streamed }) => !streamed),
});

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
const duration = (ms: number): string => (ms < 1000 ? `${digits(ms)} ms` : `${digits(ms / 1000)} s`);
const size = (bytes: number): string => (bytes < 1e9 ? `${digits(bytes / 1e6)} MB` : `${digits(bytes / 1e9)} GB`);

/** The totals in large figures side by side, which are the key to the colours too. */
export function drawTotals(totals: TimelineTotals): readonly string[] {
  const { pass, reading, waiting, computing, bytes, steps } = totals;
  const share = (part: number): string => `${Math.round((100 * part) / (pass || 1))} % of the pass`;
  const rate = `${digits(bytes / 1e6 / (reading || 1))} GB/s`;
  const column = (width - 2 * margin) / 4;
  const x = (i: number): number => margin + i * column;
  const key = top + 17.5;
  return [
    text(x(0), key, 'Pass', { colour: 'muted' }),
    ...drawFigure(x(0), duration(pass), `${steps} ${steps === 1 ? 'step' : 'steps'}, ${size(bytes)} read`),
    ...drawKey(x(1), key, 'Reading', 'blue'),
    ...drawFigure(x(1), rate, `for ${duration(reading)}, ${share(reading)}`),
    ...drawKey(x(2), key, 'Waiting', 'orange'),
    ...drawFigure(x(2), duration(waiting), share(waiting)),
    ...drawKey(x(3), key, 'Computing', 'green'),
    ...drawFigure(x(3), duration(computing), share(computing)),
    ...(totals.resident ? drawKey(x(3) + 114, key, 'resident only', 'pale-green') : []),
  ];
}

const drawFigure = (x: number, figure: string, detail: string): readonly string[] => [
  text(x, top + 45, figure, { size: 23, bold: true }),
  text(x, top + 64, detail, { size: 12, colour: 'muted' }),
];
