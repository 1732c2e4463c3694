import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { acceptor } from './accepts.ts';
import { oneOfTexts } from './node.ts';

test('texts that begin alike are told apart where they differ', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '"', '\u{1f600}', '\u{1f601}'), maxLength: 6 });
  fc.assert(
    fc.property(fc.uniqueArray(text, { minLength: 1 }), fc.array(text), (texts, others) => {
      const accepts = acceptor(oneOfTexts(texts));
      for (const one of [...texts, ...others]) assert.equal(accepts(one), texts.includes(one), one);
    }),
  );
  const longer = Array.from({ length: 300 }, (_, i) => `${'a'.repeat(i)}b`);
  assert.ok(acceptor(oneOfTexts(longer))(longer[299] ?? ''));
});
