import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { aliasesOf, lookUp, type NamedModel, namesOf } from './model-names.ts';

const named = (...stems: string[]): readonly NamedModel[] => {
  const names = namesOf(stems.map((stem) => ({ stem })));
  return stems.map((stem, i) => ({ stem, name: names[i] ?? '' }));
};

const find = (models: readonly NamedModel[], name: string): string | undefined => lookUp(aliasesOf(models), name)?.stem;

test('the quantization that ends a stem is the tag, in all its spellings', () => {
  for (const [stem, name] of [
    ['SmolLM2-135M-Instruct.Q4_1', 'smollm2-135m-instruct:q4_1'],
    ['Qwen3-8B-Q4_K_M', 'qwen3-8b:q4_k_m'],
    ['Qwen3-30B-A3B-UD-Q3_K_XL', 'qwen3-30b-a3b:ud-q3_k_xl'],
    ['Mistral-7B.i1-IQ2_XS', 'mistral-7b:i1-iq2_xs'],
    ['gpt-oss-20b-MXFP4', 'gpt-oss-20b:mxfp4'],
    ['gemma-3-270m_f16', 'gemma-3-270m:f16'],
    ['Llama 3 8B BF16', 'llama-3-8b:bf16'],
    ['bitnet-TQ1_0', 'bitnet:tq1_0'],
    ['phi-3-fp16', 'phi-3:fp16'],
  ] as const) {
    assert.deepEqual(namesOf([{ stem }]), [name]);
  }
});

test('a stem without a quantization is tagged latest', () => {
  for (const [stem, name] of [
    ['Notes', 'notes:latest'],
    ['Llama-3.2-1B', 'llama-3.2-1b:latest'],
    ['qwen2.5-coder', 'qwen2.5-coder:latest'],
    ['modèle: été', 'modèle-été:latest'],
    ['Q4_K_M', 'q4_k_m:latest'],
    ['.Q8_0', 'q8_0:latest'],
    ['???', 'model:latest'],
    ['', 'model:latest'],
  ] as const) {
    assert.deepEqual(namesOf([{ stem }]), [name]);
  }
});

test('a model is found by its name, its stem, in either case, with or without ":latest", ".gguf" or a registry', () => {
  const models = named('Tiny-Q4_0', 'Notes');
  for (const name of ['tiny:q4_0', 'TINY:Q4_0', 'Tiny-Q4_0', 'tiny-q4_0:latest', 'tiny', 'Tiny:latest']) {
    assert.equal(find(models, name), 'Tiny-Q4_0', name);
  }
  for (const name of ['Tiny-Q4_0.gguf', 'library/tiny', 'registry.ollama.ai/library/tiny:q4_0']) {
    assert.equal(find(models, name), 'Tiny-Q4_0', name);
  }
  for (const name of ['notes', 'Notes', 'NOTES:LATEST']) assert.equal(find(models, name), 'Notes', name);
  for (const name of ['', ':', ':latest', 'tiny:q8_0', 'note', './notes', '../Notes', 'org/Notes', '__proto__']) {
    assert.equal(find(models, name), undefined, name);
  }
});

test('of several with one base name, that name alone is the one tagged latest, or none', () => {
  const two = named('Tiny-Q4_0', 'Tiny-Q8_0');
  assert.equal(find(two, 'tiny'), undefined);
  assert.equal(find(two, 'tiny:latest'), undefined);
  assert.equal(find(two, 'tiny:q8_0'), 'Tiny-Q8_0');
  const three = named('Tiny-Q4_0', 'Tiny-Q8_0', 'Tiny');
  assert.equal(find(three, 'tiny'), 'Tiny');
  assert.equal(find(three, 'tiny:latest'), 'Tiny');
});

test('where two would have one name, the later one has its stem', () => {
  assert.deepEqual(namesOf(['Tiny-Q4_0', 'tiny.Q4_0', 'Tiny Q4_0', 'tiny.q4_0'].map((stem) => ({ stem }))), [
    'tiny:q4_0',
    'tiny.q4_0',
    'tiny-q4_0',
    'tiny.q4_0-2',
  ]);
});

test('whatever the files are called, names are different, and each finds its own model', () => {
  const piece = fc.constantFrom('a', 'A', 'b', '-', '.', ' ', ':', '/', '-Q4_0', '.q4_0', '-F16', ':latest', 'é', '漢');
  const stem = fc.array(piece, { maxLength: 4 }).map((pieces) => pieces.join(''));
  fc.assert(
    fc.property(fc.array(stem, { maxLength: 8 }), (stems) => {
      const models = named(...stems);
      const aliases = aliasesOf(models);
      assert.equal(new Set(models.map(({ name }) => name)).size, stems.length);
      for (const model of models) {
        assert.match(model.name, /^[^\s/:]+(?::[^\s/:]+)?$/);
        assert.equal(lookUp(aliases, model.name), model);
        assert.equal(lookUp(aliases, model.name.toUpperCase()), model);
      }
      for (const given of stems.filter((text) => text !== '')) assert.ok(lookUp(aliases, given), given);
    }),
  );
});
