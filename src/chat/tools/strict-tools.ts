import { EngineError } from '../../base/errors.ts';
import { grammarError } from '../../grammar/grammar-error.ts';
import { factsOf } from '../../grammar/rule-checks.ts';
import { SchemaWork } from '../../grammar/schema/document.ts';
import { schemaValues } from '../../grammar/schema/schema.ts';
import type { Tool } from '../message.ts';

/**
 * Throws BAD_GRAMMAR, with the tool and the place in its schema, for a strict tool whose schema cannot be enforced, or has
 * a part that no value fits.
 */
export function checkStrictTools(tools: readonly Tool[]): void {
  const work = new SchemaWork();
  for (const { name, parameters = {}, strict } of tools) {
    if (strict !== true) continue;
    try {
      checkSchema(parameters, work);
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== 'BAD_GRAMMAR') throw error;
      const { place, reason } = (error as EngineError<'BAD_GRAMMAR'>).details;
      throw grammarError(`${place} of the strict tool ${name}`, reason);
    }
  }
}

function checkSchema(schema: unknown, work: SchemaWork): void {
  const values = schemaValues(schema, { inhabited: true, work });
  if (!factsOf(values).isProductive(values))
    throw grammarError('#', 'each value of it is within another one, for ever');
}
