import type { PromptProgress } from '../engine/sequence.ts';
import type { PrefillProgress } from './backend.ts';

/** Milliseconds between two reports. */
const interval = 200;

/**
 * A listener to a prompt's progress that passes it on to `say`, not too often: first what was there already, in the end
 * all of it. `now` gives milliseconds.
 */
export function promptReports(
  say: (progress: PrefillProgress) => void,
  now: () => number = () => performance.now(),
): (progress: PromptProgress) => void {
  const began = now();
  let last: number | undefined;
  return ({ tokens, total, cached }) => {
    const time = now();
    if (last === undefined) say({ tokens: cached, total, cached, seconds: 0 });
    else if (tokens < total && time - last < interval) return;
    last = time;
    if (tokens > cached) say({ tokens: Math.floor(tokens), total, cached, seconds: (time - began) / 1000 });
  };
}
