import { at } from '../base/at.ts';
import type { Extent } from '../gguf/weight.ts';
import type { Slice } from './slices.ts';

/** Bytes of experts that are read, and converted, at once, unless one takes more. */
const expertsBytes = 8 * 2 ** 20;

/** A part of a resident slice that is read, and converted, at once. */
export interface ResidentPart {
  readonly slice: Slice;
  readonly extent: Extent;
  /** The experts of a bank that it consists of; undefined if it is the whole slice. */
  readonly experts?: { readonly first: number; readonly count: number };
}

/** The parts of a slice: a bank that is converted comes some experts at a time, so that a small ring is enough. */
export function residentParts(slice: Slice, { converted }: { readonly converted: boolean }): readonly ResidentPart[] {
  const { shape, extent } = slice;
  if (!converted || shape.length !== 3) return [{ slice, extent }];
  const experts = at(shape, 2);
  const length = extent.length / experts;
  const most = Math.max(1, Math.floor(expertsBytes / length));
  return Array.from({ length: Math.ceil(experts / most) }, (_, i) => {
    const first = i * most;
    const count = Math.min(most, experts - first);
    const offset = extent.offset + first * length;
    return { slice, extent: { ...extent, offset, length: count * length }, experts: { first, count } };
  });
}
