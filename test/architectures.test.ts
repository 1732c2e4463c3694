import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { writeGguf } from '../bench/gguf-writer.ts';
import { decodableArchitectures, refusedArchitectures } from '../src/arch/decodable.ts';
import { encoderArchitectures } from '../src/arch/encoders.ts';
import { architectureFile, expertVariants } from './support/architectures/architecture-file.ts';
import { encoders } from './support/architectures/encoders.ts';
import { libraryNames } from './support/architectures/library-names.ts';
import { architecturesPage } from './support/architectures/page.ts';
import { metadataOf, sizesOf } from './support/architectures/recipe.ts';
import { Reference } from './support/architectures/reference.ts';
import { architectures } from './support/architectures/rows.ts';
import { tryArchitecture, tryRefused, tryWeights } from './support/architectures/trial.ts';
import { shared } from './support/shared.ts';
import { sharedFolder } from './support/temp-folder.ts';

const folder = sharedFolder();
const references = [shared(new Reference()), shared(new Reference())] as const;

test('every architecture that the library knows has a small model, or a reason why it has none', () => {
  const shown = architectures.map(({ architecture }) => architecture);
  const embedding = Object.entries(encoders).map(([name, { architecture = name }]) => architecture);
  const known = new Set([...shown, ...embedding, ...refusedArchitectures.keys()]);
  assert.deepEqual([...known].sort(), [...libraryNames()].sort());
  assert.deepEqual([...new Set(embedding)].sort(), encoderArchitectures.toSorted());
  assert.deepEqual(
    decodableArchitectures.filter((name) => refusedArchitectures.has(name)),
    [],
  );
});

test('docs/architectures.md says what the rows say (npx tsx test/support/architectures/page.ts writes it)', () => {
  const { actual, expected } = architecturesPage();
  assert.equal(actual, expected);
});

test('a model that libllama computes nothing of is refused', () => {
  tryRefused('t5', folder.file('t5.gguf'));
});

/** A state of each kind; `npm run test:long -- architectures` tries all. */
const sample = ['qwen3', 'gpt-oss', 'deepseek2', 'rwkv7', 'qwen35moe'];
for (const row of architectures.filter(({ name }) => sample.includes(name))) {
  test(`plain llama_decode runs the small model of ${row.name}`, () =>
    tryWeights(references, row, folder.file(`${row.name}.gguf`)));
}

for (const [name, variant] of Object.entries(expertVariants)) {
  test(`plain llama_decode runs experts of the variant ${name}`, async () => {
    const row = architectures.find(({ name }) => name === 'qwen3moe') ?? assert.fail();
    await tryArchitecture(references, row, folder.file(`${name}.gguf`), variant);
  });
}

test('the same arguments give the same file, with a vocabulary too', () => {
  const [one, another] = [folder.file('one.gguf'), folder.file('another.gguf')];
  const options = { vocabulary: true, seed: 7 };
  assert.deepEqual(
    readFileSync(architectureFile(one, 'mamba2', options)),
    readFileSync(architectureFile(another, 'mamba2', options)),
  );
});

test('an abort of libllama is an error of the reference, which goes on in another process', async () => {
  await using reference = new Reference();
  const [good, bad] = [folder.file('good.gguf'), folder.file('bad.gguf')];
  architectureFile(good, 'llama');
  const mixture = { experts: true };
  writeGguf(bad, { metadata: metadataOf('llama', mixture, { ...sizesOf(mixture), used: 9 }), tensors: [] });
  const batches = [[{ sequence: 0, start: 0, tokens: [1], outputs: 1 }]];
  await assert.rejects(reference.logits({ path: bad, batches }), /SIGABRT.*GGML_ASSERT/);
  assert.equal((await reference.logits({ path: good, batches })).length, 1);
});
