import { EngineError } from '../base/errors.ts';
import type { Span } from '../exec/span.ts';
import type { SequenceCache } from '../state/sequence-cache.ts';
import type { Member } from './member.ts';

/** A sequence's part of a pass, as far as its failure matters. */
interface FailedPart {
  readonly sequence: Pick<Member, 'fail'>;
  readonly cache: Pick<SequenceCache, 'inMemory' | 'truncate'>;
  readonly span: Pick<Span, 'start'>;
}

/** Errors after which bytes on the SSD are not what they should be; they may have been the only copy. */
const lostOnSsd: readonly unknown[] = ['WRITE_FAILED', 'READ_FAILED', 'FILE_CHANGED'];

/** True where the whole text in `cache` is of no use any more: without finite logits nothing of it is. */
function losesText(error: Error, cache: FailedPart['cache']): boolean {
  if (!(error instanceof EngineError)) return false;
  return error.code === 'NOT_FINITE' || (!cache.inMemory && lostOnSsd.includes(error.code));
}

/**
 * Ends the sequence of a part that failed, alone or with its pass. Its cache is as it was before the pass, or empty where
 * the text is lost; the next sequence can have it.
 */
export function failPart({ sequence, cache, span }: FailedPart, error: Error): void {
  cache.truncate(losesText(error, cache) ? 0 : span.start);
  sequence.fail(error);
}
