import { EngineError } from '../../base/errors.ts';
import { type GrammarSource, grammarOf } from '../../grammar/source.ts';

/** The texts of a source, or any others if no grammar can enforce its schema: the model has read it all the same. */
export function enforced(source: GrammarSource, any: GrammarSource): GrammarSource {
  try {
    grammarOf(source);
    return source;
  } catch (error) {
    if (error instanceof EngineError && error.code === 'BAD_GRAMMAR') return any;
    throw error;
  }
}
