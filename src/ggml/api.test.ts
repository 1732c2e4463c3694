import assert from 'node:assert/strict';
import test from 'node:test';
import { ggmlTypes, typeNumbered } from '../gguf/types.ts';
import { loadGgml } from './api.ts';

test('the table of types is that of the library: names, blocks and bytes', () => {
  const api = loadGgml();
  for (const { id, name, block, bytes } of ggmlTypes) {
    assert.deepEqual(
      { name: api.ggml_type_name(id), block: api.ggml_blck_size(id), bytes: api.ggml_type_size(id) },
      { name, block, bytes },
    );
  }
});

test('types that are not in the table are those that the library has removed', () => {
  const last = Math.max(...ggmlTypes.map(({ id }) => id));
  for (let id = 0; id <= last; id += 1) {
    assert.equal(loadGgml().ggml_type_size(id) === 0, typeNumbered(id) === undefined, `type ${id}`);
  }
});

test('the library is loaded once', () => {
  assert.equal(loadGgml(), loadGgml());
});
