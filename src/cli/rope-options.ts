import { Option } from 'commander';
import { type RopeOptions, type RopeScaling, ropeRanges, ropeScalings } from '../model/rope.ts';
import { number, unless, withAuto } from './options.ts';

/** What `ropeOptions` give. */
export interface RopeFlags {
  readonly ropeScale?: number | undefined;
  readonly ropeBase?: number | undefined;
  readonly ropeScaling?: RopeScaling | undefined;
}

const ranged = (range: { min: number; max: number; expected: string }): ((text: string) => number) =>
  number(range.expected, (n) => n >= range.min && n <= range.max);

/** How a model rotates. */
export const ropeOptions = (): readonly Option[] =>
  [
    unless(new Option('--rope-scale <n>', 'times that the context is stretched'), 'as the model says').argParser(
      ranged(ropeRanges.scale),
    ),
    unless(new Option('--rope-scaling <kind>', 'how it is stretched'), 'as the model says, else linear').choices(
      ropeScalings,
    ),
    unless(new Option('--rope-base <b>', "base of rope's frequencies"), 'as the model says').argParser(
      ranged(ropeRanges.base),
    ),
  ].map(withAuto);

/** As a model wants it; undefined if nothing is to differ from what it says. */
export function ropeOf({ ropeScale: scale, ropeBase: base, ropeScaling: scaling }: RopeFlags): RopeOptions | undefined {
  const given = scale !== undefined || base !== undefined || scaling !== undefined;
  return given ? { scale, base, scaling } : undefined;
}
