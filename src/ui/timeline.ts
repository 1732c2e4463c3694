import type { PassTimeline } from '../engine/pass-timeline.ts';
import { shape } from './dom.ts';
import { formatSeconds } from './format.ts';

const [width, lane, gap] = [800, 14, 4];
const lanes = ['reading', 'waiting', 'computing'] as const;

/** A pass from left to right: its reads, waits and computing. */
export function timeline(pass: PassTimeline): SVGElement {
  const height = lanes.length * (lane + gap);
  const x = (seconds: number): number => (width * seconds) / pass.seconds;
  const picture = shape('svg', {
    viewBox: `0 0 ${width} ${height}`,
    preserveAspectRatio: 'none',
    height: height + 4,
    role: 'img',
    'aria-label': `Timeline of ${formatSeconds(pass.seconds)}: reading, waiting, computing`,
  });
  for (const [i, name] of lanes.entries()) {
    const y = i * (lane + gap);
    picture.append(shape('rect', { class: 'track', x: 0, y, width, height: lane }));
    const bars = pass[name].map(
      ([from, to]) => `M${x(from)} ${y}H${Math.max(x(to), x(from) + 0.5)}V${y + lane}H${x(from)}Z`,
    );
    picture.append(shape('path', { class: name, d: bars.join('') }));
  }
  return picture;
}
