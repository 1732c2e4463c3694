import { EngineError } from '../../base/errors.ts';
import { grammarError } from '../../grammar/grammar-error.ts';
import { grammarOf } from '../../grammar/source.ts';
import type { Tool } from '../message.ts';

/** Throws BAD_GRAMMAR, with the tool and the place in its schema, for a strict tool whose schema cannot be enforced. */
export function checkStrictTools(tools: readonly Tool[]): void {
  for (const { name, parameters: schema = {}, strict } of tools) {
    if (strict !== true) continue;
    try {
      grammarOf({ kind: 'schema', schema });
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== 'BAD_GRAMMAR') throw error;
      const { place, reason } = (error as EngineError<'BAD_GRAMMAR'>).details;
      throw grammarError(`${place} of the strict tool ${name}`, reason);
    }
  }
}
