import assert from 'node:assert/strict';
import test from 'node:test';
import koffi, { type TypeObject } from 'koffi';
import { engineError } from '../../test/support/engine-error.ts';
import { loadLibraries } from './library.ts';
import { loadLlamaGraphs } from './llama-graph-api.ts';
import { checkParams, contextParams, type DefaultParams, modelParams } from './llama-structs.ts';

/** The fields of a struct as C's types, in order. */
const fieldsOf = (struct: TypeObject): [string, TypeObject][] =>
  Object.values(koffi.introspect(struct).members ?? {}).map(({ name, type }) => [name, type as unknown as TypeObject]);

/** Functions of a struct that has one more field than the library's, before its field `index`. */
function displaced(struct: TypeObject, name: keyof DefaultParams, index: number): DefaultParams {
  const fields = fieldsOf(struct);
  const longer = koffi.struct(
    Object.fromEntries([...fields.slice(0, index), ['inserted', 'uint64_t'] as const, ...fields.slice(index)]),
  );
  const returns = loadLibraries().llama.func(name, longer, []) as () => Record<string, number>;
  return {
    ...loadLlamaGraphs(),
    [name]: () => {
      const { inserted: _, ...found } = returns();
      return found;
    },
  };
}

test('structs of parameters are those that the library fills', () => {
  checkParams(loadLlamaGraphs());
});

for (const [struct, name] of [
  [modelParams, 'llama_model_default_params'],
  [contextParams, 'llama_context_default_params'],
] as const) {
  test(`a library with another order of the fields of ${name} is refused by name`, () => {
    const fields = fieldsOf(struct);
    // Behind the last field that is not zero by default a shift cannot be seen.
    const last = fields.findIndex(([field]) => field === 'use_extra_bufts' || field === 'swa_full');
    assert.ok(last > 0);
    for (let index = 0; index <= last; index += 1) {
      assert.throws(
        () => checkParams(displaced(struct, name, index)),
        engineError('LIBRARY_DIFFERS'),
        fields[index]?.[0],
      );
    }
  });
}
