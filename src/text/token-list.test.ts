import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { TokenList } from './token-list.ts';

const anyLength = fc.oneof(fc.nat(20), fc.integer({ min: 1000, max: 1050 }), fc.nat(5000));
const anyEdit = fc.oneof(
  fc.record({ append: anyLength }),
  fc.record({ truncate: anyLength }),
  fc.record({ push: fc.nat(2 ** 31 - 1) }),
);

test('a list holds what an array would, whatever is appended and cut off', () => {
  fc.assert(
    fc.property(fc.array(anyEdit, { maxLength: 12 }), anyLength, anyLength, (edits, from, to) => {
      const list = new TokenList();
      const array: number[] = [];
      for (const edit of edits) {
        if ('append' in edit) {
          const more = Array.from({ length: edit.append }, (_, i) => array.length + i);
          list.append(more);
          array.push(...more);
        } else if ('truncate' in edit) {
          list.truncate(edit.truncate);
          array.length = Math.min(array.length, edit.truncate);
        } else {
          list.push(edit.push);
          array.push(edit.push);
        }
        assert.ok(list.bytes < 4 * (array.length + 1024), `${list.bytes} bytes for ${array.length} tokens`);
      }
      assert.deepEqual([...list], array);
      assert.deepEqual(list.slice(from, to), array.slice(from, to));
      for (const i of [0, from, -1, -from - 1, array.length]) assert.equal(list.at(i), array.at(i), `at ${i}`);
    }),
  );
});

test('a copy of a list is not changed by what becomes of the other', () => {
  const list = TokenList.from([1, 2, 3]);
  const copy = TokenList.from(list);
  list.truncate(1);
  list.push(7);
  assert.deepEqual(
    [[...list], [...copy]],
    [
      [1, 7],
      [1, 2, 3],
    ],
  );
});
