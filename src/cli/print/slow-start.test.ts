import assert from 'node:assert/strict';
import test from 'node:test';
import { slowStart } from './slow-start.ts';

test('a slow answer is told with what would make it faster; one that is not slow begins without a word', () => {
  const slow = { tokens_per_s: 0.812, first_token_s: 12.3, basis: 'calibrated', busy: false } as const;
  assert.equal(
    slowStart(slow, [{ kind: 'memory', budget: 12 * 2 ** 30, whole: false, here: true, tokens_per_s: 3.1 }]),
    'expect about 0.81 tokens/s, the first after about 12 s; with 12 GiB 3.1',
  );
  assert.match(slowStart({ ...slow, basis: 'assumed' }, []) ?? '', /, if the storage is a usual one$/);
  assert.match(slowStart({ ...slow, busy: true }, []) ?? '', /12 s; measured while this machine was busy/);
  assert.equal(slowStart({ ...slow, tokens_per_s: 8, first_token_s: 2 }, []), undefined);
});
