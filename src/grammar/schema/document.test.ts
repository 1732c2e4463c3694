import assert from 'node:assert/strict';
import test from 'node:test';
import { engineError } from '../../../test/support/engine-error.ts';
import { checkTexts, refusedAt } from '../../../test/support/schema-checks.ts';
import { acceptor } from '../accepts.ts';
import { schemaValues } from './schema.ts';

/** A chain of schemas that refer to the next one, each in a way that `link` gives. */
const chain = (length: number, link: (next: object) => object): object => ({
  $ref: '#/$defs/0',
  $defs: Array.from({ length }, (_, i) => (i + 1 < length ? link({ $ref: `#/$defs/${i + 1}` }) : { type: 'integer' })),
});

test('schemas that become far larger than their text, or lead to themselves, are refused or read at once', () => {
  const refusedSomewhere = (schema: unknown): void =>
    assert.throws(
      () => acceptor(schemaValues(schema)),
      engineError('BAD_GRAMMAR'),
      JSON.stringify(schema).slice(0, 200),
    );
  refusedSomewhere(chain(60, (next) => ({ allOf: [next, next] })));
  refusedSomewhere(chain(60, (next) => ({ minimum: 1, anyOf: [next, next] })));
  refusedSomewhere(chain(60, (next) => ({ properties: { a: { ...next, minimum: 1 }, b: { ...next, minimum: 2 } } })));
  refusedSomewhere({ ...chain(60, (next) => ({ anyOf: [next, next] })), const: 'a' });
  const itself = (to: string): object => ({ type: 'object', properties: { x: { $ref: to } }, required: ['x'] });
  refusedAt(
    {
      oneOf: [{ $ref: '#/$defs/a' }, { $ref: '#/$defs/b' }],
      $defs: { a: itself('#/$defs/a'), b: itself('#/$defs/b') },
    },
    '#/oneOf',
  );
  refusedAt({ properties: { ['x'.repeat(2000)]: true }, additionalProperties: true }, '#');
  refusedAt({ required: ['x'.repeat(2000)], additionalProperties: true }, '#/required');
  refusedSomewhere({ prefixItems: new Array(20_000).fill({ type: 'integer' }) });
  refusedSomewhere({ properties: Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`p${i}`, true])) });
  checkTexts({ prefixItems: new Array(2000).fill({ type: 'integer' }) }, ['[]', '[1,2]'], ['[1,"a"]']);
  const kinds = Array.from({ length: 200 }, (_, i) => ({ properties: { kind: { const: i } }, required: ['kind'] }));
  checkTexts({ oneOf: kinds }, ['{"kind":7}'], ['{"kind":200}']);
});
