import { notSupported } from './errors.ts';
import type { Filter } from './filter.ts';
import { numberFilters } from './number-filters.ts';
import { sequenceFilters } from './sequence-filters.ts';
import { textFilters } from './text-filters.ts';

/** Filters of Jinja2 that are refused: they guess, know about HTML, or wrap lines. */
const refused = ['filesizeformat', 'pprint', 'random', 'striptags', 'urlencode', 'urlize', 'wordwrap', 'xmlattr'];

/** All filters by name. */
export const filters: ReadonlyMap<string, Filter> = new Map([
  ...numberFilters,
  ...sequenceFilters,
  ...textFilters,
  ...refused.map((name): [string, Filter] => [
    name,
    () => {
      throw notSupported(`the filter "${name}"`);
    },
  ]),
]);
