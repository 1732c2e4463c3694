import {
  box,
  coordinate,
  digits,
  fitText,
  line,
  margin,
  picture,
  text,
  textWidth,
  top,
  width,
} from '../src/chart/svg.ts';

/** A measurement: never negative. `low` and `high` are its spread. */
export interface Bar {
  readonly label: string;
  readonly value: number;
  readonly low?: number;
  readonly high?: number;
  readonly highlight?: boolean;
}

export interface BarChart {
  readonly title: string;
  readonly subtitle: string;
  readonly unit: string;
  readonly bars: readonly Bar[];
}

/** Pixels. */
const sizes = { row: 38, bar: 22, label: 320, figures: 128, cap: 4 };

/** Horizontal bars from zero in the order given, with their spread and their values, as an SVG file. */
export function barChartSvg({ title, subtitle, unit, bars }: BarChart): string {
  const labels = bars.map(({ label }) => fitText(label, 13, sizes.label));
  const left = margin + 14 + Math.max(0, ...labels.map((label) => textWidth(label, 13)));
  const most = Math.max(0, ...bars.map(({ value, high = value }) => Math.max(value, high)));
  const scale = (value: number): number => left + ((width - margin - sizes.figures - left) * value) / (most || 1);
  const first = top + 32;
  const bottom = first + bars.length * sizes.row;
  return picture({
    title,
    subtitle,
    height: bottom + margin,
    body: [
      text(left, top + 14, unit, { size: 11, colour: 'muted' }),
      ...bars.flatMap((bar, i) => drawBar(bar, labels[i] ?? '', first + i * sizes.row, scale)),
      line(`M${coordinate(left)} ${first - 6}V${bottom + 6}`, 'neutral'),
    ],
  });
}

function drawBar(bar: Bar, label: string, y: number, scale: (value: number) => number): readonly string[] {
  const { value, low = value, high = value, highlight = false } = bar;
  const middle = y + sizes.row / 2;
  const [from, to, end] = [scale(0), scale(value), scale(Math.max(value, high)) + 10];
  const spread = low < high ? `${digits(low)} – ${digits(high)}` : '';
  const figure = digits(value);
  return [
    text(margin, middle + 4.5, label, { bold: highlight }),
    box({ x: from, y: middle - sizes.bar / 2, width: to - from, height: sizes.bar }, highlight ? 'blue' : 'neutral', 2),
    spread === '' ? '' : whisker(scale(low), scale(high), middle),
    text(end, middle + 4.5, figure, { bold: true }),
    spread === '' ? '' : text(end + textWidth(figure, 13) + 10, middle + 4.5, spread, { size: 11, colour: 'muted' }),
  ];
}

/** From `low` to `high`, with a cap at either end. */
function whisker(low: number, high: number, y: number): string {
  const cap = (x: number): string => `M${coordinate(x)} ${coordinate(y - sizes.cap)}v${2 * sizes.cap}`;
  return line(`M${coordinate(low)} ${coordinate(y)}H${coordinate(high)}${cap(low)}${cap(high)}`, 'text', 1.5);
}
