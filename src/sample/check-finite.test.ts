import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { engineError } from '../../test/support/engine-error.ts';
import { checkFinite } from './check-finite.ts';

test('logits that are all finite stay as they are, and one that is not is an error that names the file', () => {
  const anyLogits = fc.float32Array({ minLength: 1, noNaN: true, noDefaultInfinity: true });
  const odd = fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY);
  fc.assert(
    fc.property(anyLogits, odd, fc.nat(), (logits, wrong, at) => {
      assert.equal(checkFinite(logits, 'm.gguf'), logits);
      logits[at % logits.length] = wrong;
      assert.throws(() => checkFinite(logits, 'm.gguf'), engineError('NOT_FINITE', 'm.gguf'));
    }),
  );
});
