/** The look that all pictures share: one frame, one palette for light and dark, text that cannot break out. */

/** Pixels of every picture's width; a README shows about 840 of them. */
export const width = 960;
/** Pixels of margin. */
export const margin = 28;
/** Pixels from the top to a picture's own part, below title and subtitle. */
export const top = 84;

export type Colour =
  | 'background'
  | 'border'
  | 'band'
  | 'grid'
  | 'text'
  | 'muted'
  | 'neutral'
  | 'blue'
  | 'orange'
  | 'green'
  | 'pale-green'
  | 'purple';

/** Colours in light mode and in dark mode. */
const palette: Readonly<Record<Colour, readonly [string, string]>> = {
  background: ['#ffffff', '#0d1117'],
  border: ['#d1d9e0', '#30363d'],
  band: ['#f3f5f8', '#161c25'],
  grid: ['#dfe4ea', '#2a313a'],
  text: ['#1f2328', '#f0f6fc'],
  muted: ['#59636e', '#9198a1'],
  neutral: ['#a9b4c0', '#586270'],
  blue: ['#2f7de1', '#4493f8'],
  orange: ['#e8590c', '#f78a3c'],
  green: ['#12876a', '#2fbf93'],
  'pale-green': ['#8ccfb9', '#1f6b56'],
  purple: ['#8250df', '#ab7df8'],
};

const rules = (mode: 0 | 1): string =>
  Object.entries(palette)
    .map(([name, colour]) => `.${name}{fill:${colour[mode]}}.${name}-line{fill:none;stroke:${colour[mode]}}`)
    .join('');

// Classes are used, not variables: programs that turn SVG into PNG or PDF often know no var().
const style = `text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;\
font-variant-numeric:tabular-nums}${rules(0)}@media(prefers-color-scheme:dark){${rules(1)}}`;

/** Text for an element or an attribute. Characters that XML forbids, end a line or turn the direction become U+FFFD. */
const escapeXml = (text: string): string =>
  text
    .replace(/[\p{Cc}\p{Cs}\p{Bidi_Control}\u2028\u2029\uFFFE\uFFFF]/gu, '\uFFFD')
    .replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

/** A coordinate: a hundredth of a pixel is enough. */
export const coordinate = (n: number): string => String(Math.round(n * 100) / 100);

/** The most pixels of `text` in the fonts of any system. */
export function textWidth(text: string, size: number): number {
  let ems = 0;
  for (const character of text) {
    if (character > '\u024F') ems += 1.1;
    else ems += /[\p{Lu}mw@%]/u.test(character) ? 0.85 : 0.6;
  }
  return ems * size;
}

/** The longest beginning of `text` that fits `pixels`, with an ellipsis where something is missing. */
export function fitText(text: string, size: number, pixels: number): string {
  if (textWidth(text, size) <= pixels) return text;
  let room = pixels - textWidth('…', size);
  let kept = '';
  for (const character of text) {
    room -= textWidth(character, size);
    if (room < 0) break;
    kept += character;
  }
  return `${kept.trimEnd()}…`;
}

export interface TextStyle {
  readonly size?: number;
  readonly colour?: Colour;
  readonly anchor?: 'start' | 'middle' | 'end';
  readonly bold?: boolean;
}

/** A line of text that stands on `y`. */
export function text(x: number, y: number, content: string, look: TextStyle = {}): string {
  const { size = 13, colour = 'text', anchor = 'start', bold = false } = look;
  const place = `x="${coordinate(x)}" y="${coordinate(y)}" font-size="${size}"`;
  const rest = `${anchor === 'start' ? '' : ` text-anchor="${anchor}"`}${bold ? ' font-weight="600"' : ''}`;
  return `<text class="${colour}" ${place}${rest}>${escapeXml(content)}</text>`;
}

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A filled rectangle, its corners rounded by `radius` pixels. */
export function box({ x, y, width, height }: Box, colour: Colour, radius: number = 0): string {
  const size = `width="${coordinate(width)}" height="${coordinate(height)}"`;
  const corners = radius > 0 ? ` rx="${radius}"` : '';
  return `<rect class="${colour}" x="${coordinate(x)}" y="${coordinate(y)}" ${size}${corners}/>`;
}

/** Filled rectangles of one colour, as one element. */
export function boxes(all: readonly Box[], colour: Colour): string {
  const paths = all
    .filter(({ width, height }) => width > 0 && height > 0)
    .map(({ x, y, width, height }) => {
      const across = coordinate(width);
      return `M${coordinate(x)} ${coordinate(y)}h${across}v${coordinate(height)}h-${across}z`;
    });
  return paths.length > 0 ? `<path class="${colour}" d="${paths.join('')}"/>` : '';
}

/** A stroked path; `d` as SVG has it. Nothing where it is empty. */
export const line = (d: string, colour: Colour, thickness: number = 1): string =>
  d === '' ? '' : `<path class="${colour}-line" stroke-width="${coordinate(thickness)}" d="${d}"/>`;

/** Multiples of 1, 2 or 5 times a power of ten in [from, to], about `most` of them at most, with their text. */
export function ticks(from: number, to: number, most: number): readonly { at: number; label: string }[] {
  if (!(to > from)) return [];
  const power = 10 ** Math.floor(Math.log10((to - from) / most));
  const step = power * ([1, 2, 5].find((n) => n * power * most >= to - from) ?? 10);
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const first = Math.ceil(from / step - 1e-9);
  const count = Math.floor(to / step + 1e-9) - first + 1;
  return Array.from({ length: count }, (_, i) => (first + i) * step).map((at) => ({
    at,
    label: at === 0 ? '0' : at.toFixed(decimals),
  }));
}

/** Three digits of a number that is not negative: 0.12, 1.23, 12.3, 123; and 0. */
export const digits = (n: number): string => n.toFixed(n >= 99.95 || n < 0.005 ? 0 : n >= 9.995 ? 1 : 2);

export interface Picture {
  readonly title: string;
  readonly subtitle: string;
  readonly height: number;
  /** The picture's own part, below `top`, in the order of drawing. */
  readonly body: readonly string[];
}

/** An SVG file: it has its own background, follows the reader's light or dark mode, and refers to nothing outside. */
export function picture({ title, subtitle, height, body }: Picture): string {
  const room = width - 2 * margin;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${coordinate(height)}" \
viewBox="0 0 ${width} ${coordinate(height)}" role="img" aria-label="${escapeXml(`${title}. ${subtitle}`)}">`,
    `<style>${style}</style>`,
    box({ x: 0, y: 0, width, height }, 'border', 10),
    box({ x: 1, y: 1, width: width - 2, height: height - 2 }, 'background', 9),
    text(margin, 42, fitText(title, 19, room), { size: 19, bold: true }),
    text(margin, 64, fitText(subtitle, 13, room), { colour: 'muted' }),
    ...body.filter((part) => part !== ''),
    '</svg>',
  ];
  return `${parts.join('\n')}\n`;
}
