import { at, last } from '../base/at.ts';
import type { Interval } from './intervals.ts';
import { type Box, boxes, fitText, margin, text, textWidth } from './svg.ts';

/** A stage on the picture, from left to right in pixels. */
export interface TimelineStage extends Interval {
  readonly name: string;
}

const look = { size: 11, colour: 'muted', anchor: 'middle' } as const;
/** Pixels: the room between two names, the widest name, the narrowest band that can be told from the next. */
const limits = { room: 8, name: 96, band: 3 };

/** The stage of a weight: "blk.12.ffn_down.weight" -> "12"; a weight outside of layers goes by its own name. */
const stageOf = (weight: string): string => /^blk\.(\d+)\./.exec(weight)?.[1] ?? at(weight.split('.', 1), 0);

/** The stages of neighbouring steps: the begin of each, and the name of its first weight; the last ends at `end`. */
export function timelineStages(
  steps: readonly { begin: number; label: string }[],
  end: number,
): readonly TimelineStage[] {
  const starts = steps
    .map(({ begin, label }) => ({ begin, name: stageOf(label) }))
    .filter(({ name }, i, all) => name !== all[i - 1]?.name);
  return starts.map((start, i) => ({ ...start, end: starts[i + 1]?.begin ?? end }));
}

/** Bands behind every second stage, as tall as `area`, and the names above them; names without room are left out. */
export function drawStages(stages: readonly TimelineStage[], area: Box, title: string = 'Stage'): readonly string[] {
  const banded = stages.length * limits.band <= area.width ? stages.filter((_, i) => i % 2 === 0) : [];
  const bands = banded.map(({ begin, end }) => ({ ...area, x: begin, width: end - begin }));
  return [
    boxes(bands, 'band'),
    stages.length > 0 ? text(margin, area.y - 6, title, { size: 11, colour: 'muted' }) : '',
    ...namesToShow(stages, area).map(({ x, name }) => text(x, area.y - 6, name, look)),
  ];
}

interface Name {
  readonly x: number;
  readonly name: string;
  readonly half: number;
}

/** The names at the middle of their stages: among every 1st, 2nd, 5th, 10th, … number, the most that do not touch. */
function namesToShow(stages: readonly TimelineStage[], area: Box): readonly Name[] {
  const names = stages.map(({ begin, end, name }) => {
    const shown = fitText(name, look.size, limits.name);
    const half = textWidth(shown, look.size) / 2;
    const x = Math.min(Math.max((begin + end) / 2, area.x + half), area.x + area.width - half);
    return { x, name: shown, half };
  });
  const strides = [1, 2, 5, 10, 20, 50, 100];
  const choices = strides.map((stride) => names.filter(({ name }) => !(Number(name) % stride > 0)));
  return choices.find((choice) => apart(choice).length === choice.length) ?? apart(last(choices));
}

/** The names that do not touch the one shown before. */
function apart(names: readonly Name[]): readonly Name[] {
  const shown: Name[] = [];
  for (const name of names) {
    const last = shown.at(-1);
    if (!last || last.x + last.half + limits.room <= name.x - name.half) shown.push(name);
  }
  return shown;
}
