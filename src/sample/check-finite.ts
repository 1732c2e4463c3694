import { EngineError } from '../base/errors.ts';

/** The logits, as they are. Throws NOT_FINITE, which names the model's `file`, if one is infinite or no number. */
export function checkFinite(logits: Float32Array, file: string): Float32Array {
  for (const logit of logits) if (!Number.isFinite(logit)) throw new EngineError('NOT_FINITE', { file });
  return logits;
}
