import { EngineError } from '../base/errors.ts';

/** The error of a grammar that is not valid at `place`, or asks for what cannot be enforced. */
export const grammarError = (place: string, reason: string): EngineError<'BAD_GRAMMAR'> =>
  new EngineError('BAD_GRAMMAR', { place, reason });
