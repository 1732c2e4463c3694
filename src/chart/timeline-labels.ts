import { box, type Colour, margin, text } from './svg.ts';

/** Pixels from the top. */
export interface Lane {
  readonly y: number;
  readonly height: number;
}

/** The name beside a lane. */
export function drawName(name: string, lane: Lane, detail: string = ''): readonly string[] {
  const middle = lane.y + lane.height / 2;
  if (detail === '') return [text(margin, middle + 4.5, name)];
  return [text(margin, middle - 2.5, name), text(margin, middle + 13.5, detail, { size: 11, colour: 'muted' })];
}

/** The key to a colour; its text stands on `y`. */
export const drawKey = (x: number, y: number, name: string, colour: Colour): readonly string[] => [
  box({ x, y: y - 9.5, width: 10, height: 10 }, colour, 2),
  text(x + 16, y, name, { colour: 'muted' }),
];
