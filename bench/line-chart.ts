import {
  type Colour,
  coordinate,
  fitText,
  line,
  margin,
  picture,
  text,
  textWidth,
  ticks,
  top,
  width,
} from '../src/chart/svg.ts';

export interface Series {
  readonly name: string;
  /** x, y; in any order. */
  readonly points: readonly (readonly [number, number])[];
}

export interface LineChart {
  readonly title: string;
  readonly subtitle: string;
  readonly x: { readonly label: string };
  readonly y: { readonly label: string };
  /** Four at most can be told apart. */
  readonly series: readonly Series[];
}

const colours: readonly Colour[] = ['blue', 'orange', 'green', 'purple'];
const area = { top: top + 34, bottom: top + 324, left: margin + 40 };
/** Pixels: the widest name, and from one name down to the next at least. */
const names = { width: 200, pitch: 18 };

/** Lines with a dot at each point, named at their right ends, as an SVG file. The y axis begins at zero. */
export function lineChartSvg({ title, subtitle, x, y, series }: LineChart): string {
  const lines = series
    .map(({ name, points }, i) => ({
      name: fitText(name, 13, names.width),
      colour: colours[i % colours.length] ?? 'blue',
      points: points.toSorted((a, b) => a[0] - b[0]),
    }))
    .filter(({ points }) => points.length > 0);
  const xs = lines.flatMap(({ points }) => points.map((point) => point[0]));
  const ys = lines.flatMap(({ points }) => points.map((point) => point[1]));
  const [least, most, highest] = [Math.min(...xs), Math.max(...xs), Math.max(0, ...ys)];
  const right = width - margin - 16 - Math.max(60, ...lines.map(({ name }) => textWidth(name, 13)));
  const acrossAt = (value: number): number =>
    area.left + 16 + ((right - area.left - 32) * (value - least)) / (most - least || 1);
  const downAt = (value: number): number => area.bottom - ((area.bottom - area.top) * value) / (highest || 1);

  const placed = lines.map((one) => ({
    ...one,
    points: one.points.map(([px, py]) => ({ x: acrossAt(px), y: downAt(py) })),
  }));
  return picture({
    title,
    subtitle,
    height: area.bottom + 72,
    body: [
      ...ticks(0, highest, 6).flatMap(({ at, label }) => [
        line(`M${area.left} ${coordinate(downAt(at))}H${coordinate(right)}`, 'grid'),
        text(area.left - 8, downAt(at) + 4, label, { size: 11, colour: 'muted', anchor: 'end' }),
      ]),
      ...ticks(least, most, 8).map(({ at, label }) =>
        text(acrossAt(at), area.bottom + 20, label, { size: 11, colour: 'muted', anchor: 'middle' }),
      ),
      text(margin, area.top - 18, y.label, { size: 11, colour: 'muted' }),
      text((area.left + right) / 2, area.bottom + 42, x.label, { size: 11, colour: 'muted', anchor: 'middle' }),
      ...placed.flatMap(({ points, colour }) => drawLine(points, colour)),
      ...drawNames(
        placed.map(({ name, colour, points }) => ({ name, colour, y: points.at(-1)?.y ?? 0 })),
        right + 8,
      ),
    ],
  });
}

interface Point {
  readonly x: number;
  readonly y: number;
}

function drawLine(points: readonly Point[], colour: Colour): readonly string[] {
  const path = points.map(({ x, y }, i) => `${i === 0 ? 'M' : 'L'}${coordinate(x)} ${coordinate(y)}`);
  const dot = ({ x, y }: Point): string =>
    `<circle class="${colour}" cx="${coordinate(x)}" cy="${coordinate(y)}" r="4"/>`;
  return [line(path.join(''), colour, 2.5), ...points.map(dot)];
}

/** Each name beside the end of its line, or below the name above it where that would touch. */
function drawNames(ends: readonly { name: string; colour: Colour; y: number }[], x: number): readonly string[] {
  let free = Number.NEGATIVE_INFINITY;
  return ends
    .toSorted((a, b) => a.y - b.y)
    .map(({ name, colour, y }) => {
      const at = Math.max(y, free);
      free = at + names.pitch;
      return text(x, at + 4.5, name, { colour, bold: true });
    });
}
