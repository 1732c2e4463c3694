import type { RenderMeter } from './meter.ts';
import { bind, signature } from './signature.ts';
import type { Args, Value } from './values.ts';

/** The part of a rendering that filters and tests can use. */
export interface Run {
  readonly meter: RenderMeter;
  filter(name: string, value: Value, args: Args): Value;
  test(name: string, value: Value, args: Args): boolean;
}

export type Filter = (run: Run, value: Value, args: Args) => Value;
export type Given = Value | undefined;

/** Filters from their parameters and functions. */
export function filtersOf(
  table: Readonly<Record<string, readonly [string, (run: Run, value: Value, given: Given[]) => Value]>>,
): [string, Filter][] {
  return Object.entries(table).map(([name, [parameters, apply]]) => {
    const own = signature(`the filter "${name}"`, parameters);
    return [name, (run, value, args) => apply(run, value, bind(own, args))];
  });
}
