import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let collect: ((options?: { readonly type: 'minor' }) => void) | undefined;

/**
 * Collects garbage now. V8 would rather let the heap grow to twice what is in use, and more; a collection takes 10 to
 * 30 ms.
 */
export const collectGarbage = (): void => collector()();

/** Collects what was made since the last collection, in a few milliseconds: bytes of connections pile up to 50 MB. */
export const collectYoungGarbage = (): void => collector()({ type: 'minor' });

function collector(): NonNullable<typeof collect> {
  if (!collect) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as NonNullable<typeof collect>;
  }
  return collect;
}
