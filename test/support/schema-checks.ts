import assert from 'node:assert/strict';
import { acceptor } from '../../src/grammar/accepts.ts';
import { schemaValues } from '../../src/grammar/schema/schema.ts';
import { engineError } from './engine-error.ts';

/** Checks JSON texts that a schema allows, and those that it does not. */
export function checkTexts(schema: unknown, texts: readonly string[], others: readonly string[]): void {
  const accepts = acceptor(schemaValues(schema));
  for (const text of texts) assert.ok(accepts(text), `${JSON.stringify(schema)}: ${text}`);
  for (const text of others) assert.ok(!accepts(text), `${JSON.stringify(schema)}: not ${text}`);
}

/** Checks that a schema is refused, and the place that the error names. */
export const refusedAt = (schema: unknown, place: string): void =>
  assert.throws(() => acceptor(schemaValues(schema)), engineError('BAD_GRAMMAR', { place }), JSON.stringify(schema));
