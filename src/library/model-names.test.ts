import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { engineError } from '../../test/support/engine-error.ts';
import { lookUp, type NamedModel, nameIndex, namesOf } from './model-names.ts';

const named = (...stems: string[]): readonly NamedModel[] => {
  const names = namesOf(stems.map((stem) => ({ stem })));
  return stems.map((stem, i) => ({ stem, name: names[i] ?? '' }));
};

const find = (models: readonly NamedModel[], name: string): string | undefined => lookUp(nameIndex(models), name)?.stem;

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

test('of several with one base name, that name alone is the one tagged latest, or it is told which there are', () => {
  const two = named('Tiny-Q4_0', 'Tiny-Q8_0');
  for (const name of ['tiny', 'tiny:latest']) {
    const told = engineError('MODEL_AMBIGUOUS', { name, models: ['tiny:q4_0', 'tiny:q8_0'] });
    assert.throws(() => find(two, name), told);
  }
  assert.equal(lookUp(nameIndex(two), 'tiny', { full: true }), undefined, 'a name with its tag is none of them');
  assert.equal(find(two, 'tiny:q8_0'), 'Tiny-Q8_0');
  const three = named('Tiny-Q4_0', 'Tiny-Q8_0', 'Tiny');
  assert.equal(find(three, 'tiny'), 'Tiny');
  assert.equal(find(three, 'tiny:latest'), 'Tiny');
});

test('where two would have one name, the later one has its stem', () => {
  assert.deepEqual(namesOf(['Tiny-Q4_0', 'tiny.Q4_0', 'Tiny Q4_0', 'tiny.q4_0'].map((stem) => ({ stem }))), [
    'tiny:q4_0',
    'tiny.q4_0:latest',
    'tiny-q4_0:latest',
    'tiny.q4_0-2:latest',
  ]);
  const made = { stem: 'a', name: 'a:latest' };
  assert.deepEqual(namesOf([made, { stem: 'a' }]), ['a:latest', 'a-2:latest']);
});

test('whatever the files are called, names are different, and each finds its own model', () => {
  const piece = fc.constantFrom('a', 'A', 'b', '-', '.', ' ', ':', '/', '-Q4_0', '.q4_0', '-F16', ':latest', 'é', '漢');
  const stem = fc.array(piece, { maxLength: 4 }).map((pieces) => pieces.join(''));
  fc.assert(
    fc.property(fc.array(stem, { maxLength: 8 }), (stems) => {
      const models = named(...stems);
      const index = nameIndex(models);
      assert.equal(new Set(models.map(({ name }) => name)).size, stems.length);
      for (const model of models) {
        assert.match(model.name, /^[^\s/:]+:[^\s/:]+$/);
        assert.equal(lookUp(index, model.name), model);
        assert.equal(lookUp(index, model.name.toUpperCase()), model);
      }
      for (const given of stems.filter((text) => text !== '')) {
        try {
          assert.ok(lookUp(index, given), given);
        } catch (error) {
          engineError('MODEL_AMBIGUOUS')(error);
        }
      }
    }),
  );
});

/** The spellings of a model of Hugging Face, whose file is "Small-Q4_1.gguf". */
const spellings = [
  'hf.co/Org/Small-GGUF:Q4_1',
  'huggingface.co/org/small-gguf:q4_1',
  'https://huggingface.co/Org/Small-GGUF:Q4_1',
  'https://huggingface.co/Org/Small-GGUF/resolve/main/sub/Small-Q4_1.gguf?download=true',
  'https://hf.co/Org/Small-GGUF/blob/main/Small-Q4_1-00001-of-00002.gguf',
  'hf.co/Org/Small-GGUF/Small-Q4_1.gguf',
  'hf://Org/Small-GGUF',
  'https://huggingface.co/Org/Small-GGUF/tree/main',
  'Org/Small-GGUF:Q4_1',
  'Org/Small-GGUF',
  'org/small',
  'Small-GGUF:Q4_1',
  'Small-GGUF',
  'small:q4_1',
  'SMALL',
  'small:latest',
  'Small-Q4_1',
  'Small-Q4_1.gguf',
  'small-q4_1-00002-of-00002.GGUF',
];

test('a model of a repository is found by its file, its repository and its addresses, wherever it lies', () => {
  const pulled = { stem: 'hf.co/org/small-gguf-q4_1', name: 'hf.co/org/small-gguf:q4_1' };
  const cached = { stem: 'Small-Q4_1', name: 'hf.co/org/small-gguf:q4_1', repository: 'Org/Small-GGUF' };
  const inFolder = { stem: 'Small-Q4_1', name: 'small:q4_1', repository: 'Org/Small-GGUF' };
  const another = { stem: 'Other-Q4_1', name: 'other:q4_1' };
  for (const model of [pulled, cached, inFolder]) {
    for (const name of spellings) assert.equal(lookUp(nameIndex([another, model]), name), model, name);
    assert.equal(lookUp(nameIndex([another, model]), 'hf.co/org/small-gguf:q8_0'), undefined);
    assert.equal(lookUp(nameIndex([another, model]), 'someone/small-gguf'), undefined);
    assert.equal(lookUp(nameIndex([another, model]), 'https://host:1/x/Small-Q4_1.gguf'), model);
  }
  // One file in three places is one model.
  for (const name of spellings) assert.ok(lookUp(nameIndex([pulled, cached, inFolder, another]), name), name);
});

test('a file that goes by its stem, as another has its name, is still the one of its repository, with the tag of its file', () => {
  const first = { stem: 'Small-Q4_1', name: 'small:q4_1' };
  const second = { stem: 'Small-Q4_1', name: 'small-q4_1:latest', repository: 'Org/Pocket-GGUF' };
  const ofOllama = { stem: 'pocket-135m', name: 'pocket:135m' };
  const index = nameIndex([first, second, ofOllama]);
  assert.equal(lookUp(index, 'pocket'), ofOllama);
  for (const name of ['org/pocket', 'pocket:q4_1', 'pocket-gguf', 'hf.co/org/pocket-gguf:q4_1', 'small-q4_1:latest']) {
    assert.equal(lookUp(index, name), second, name);
  }
  const cached = { stem: 'Small-Q4_1', name: 'hf.co/org/pocket-gguf:q4_1', repository: 'Org/Pocket-GGUF' };
  assert.equal(lookUp(nameIndex([cached, first, second]), 'org/pocket'), cached, 'they are one file');
});

test('the end of a path is enough, unless several models end so', () => {
  const models = ['someone/pocket:latest', 'other/pocket:135m', 'localhost:5000/me/mine:1b'].map((name) => ({
    name,
    stem: name.replaceAll(':', '-'),
  }));
  const index = nameIndex(models);
  assert.equal(lookUp(index, 'someone/pocket')?.name, 'someone/pocket:latest');
  assert.equal(lookUp(index, 'pocket:135m')?.name, 'other/pocket:135m');
  assert.equal(lookUp(index, 'pocket')?.name, 'someone/pocket:latest', 'it is tagged latest');
  assert.equal(lookUp(index, 'mine')?.name, 'localhost:5000/me/mine:1b');
  assert.equal(lookUp(index, 'localhost:5000/me/mine')?.name, 'localhost:5000/me/mine:1b');
  const several = nameIndex([...models, { name: 'third/pocket:135m', stem: 'third/pocket-135m' }]);
  assert.throws(() => lookUp(several, 'pocket:135m'), engineError('MODEL_AMBIGUOUS'));
});
