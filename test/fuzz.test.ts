import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { Random } from '../bench/random.ts';
import { type ArchitectureName, writeRandomModel } from '../bench/random-model.ts';
import { tinyBytePair, tinySentencePiece, writeVocabulary } from '../bench/tiny-vocabulary.ts';
import { EngineError } from '../src/base/errors.ts';
import { openOutline } from '../src/engine/outline.ts';
import { layoutsOf, planModel } from '../src/engine/planner.ts';
import { Runtime } from '../src/engine/runtime.ts';
import { scratch } from '../src/engine/slots.ts';
import { Device } from '../src/ggml/device.ts';
import { readHeader } from '../src/gguf/header.ts';
import { checkTokenizer } from '../src/text/check.ts';
import { Vocabulary } from '../src/text/vocabulary.ts';
import { tempFolder } from './support/temp-folder.ts';

const architectures: readonly ArchitectureName[] = ['llama', 'qwen2', 'qwen3', 'gemma3', 'phi3'];
const mutants = 400; // of each model

/** A copy of a header with a few bytes changed: flipped bits, extreme bytes, values copied from elsewhere. */
function mutate(bytes: Buffer, header: number, random: Random): Buffer {
  const mutant = Buffer.from(bytes);
  const below = (n: number): number => (random.words(1)[0] ?? 0) % n;
  for (let n = 1 + below(4); n > 0; n -= 1) {
    const at = below(header);
    const way = below(4);
    if (way === 0) mutant[at] = (mutant[at] ?? 0) ^ (1 << below(8));
    else if (way === 1) mutant[at] = below(2) * 255;
    else if (way === 2) mutant.writeUInt32LE(random.words(1)[0] ?? 0, Math.min(at, mutant.length - 4));
    else mutant.copyWithin(at, below(header), below(header));
  }
  return mutant;
}

/** Calls `open` with mutants of a file: each ends in success or in an error from the table. */
async function survives(
  path: string,
  header: number,
  open: (path: string) => void | Promise<void>,
): Promise<{ opened: number; refused: number }> {
  const bytes = readFileSync(path);
  const random = new Random('fuzz');
  const count = { opened: 0, refused: 0 };
  for (let i = 0; i < mutants; i += 1) {
    writeFileSync(path, mutate(bytes, header, random));
    try {
      await open(path);
      count.opened += 1;
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      count.refused += 1;
    }
  }
  return count;
}

for (const architecture of architectures) {
  test(`a damaged header of a ${architecture} model is refused with a code, or computed with`, async () => {
    using folder = tempFolder();
    using device = new Device(1, 0);
    const spec = { architecture, layers: 2, width: 64, heads: 4, kvHeads: 2, feedForward: 96, vocabulary: 64 };
    const [path = ''] = writeRandomModel(folder.file('model.gguf'), spec);
    const { opened, refused } = await survives(path, readHeader(path).dataOffset, async (file) => {
      const outline = openOutline(file);
      const layoutOf = layoutsOf(device, 'auto');
      const plan = planModel(outline, device, layoutOf, { budget: 2 ** 28, runtime: 0, kernels: 'auto' });
      await using runtime = await Runtime.open(outline, plan, { device, layoutOf, reading: { inFlight: 3 } });
      await runtime.run([{ kv: scratch(runtime.slots), start: 0, tokens: [0, 1], logits: 'last' }]);
    });
    assert.ok(opened > 10 && refused > 10, `${opened} opened, ${refused} refused`);
  });
}

for (const [name, tiny] of Object.entries({ bytePair: tinyBytePair(), sentencePiece: tinySentencePiece() })) {
  test(`a damaged ${name} vocabulary is refused with a code, or loaded`, async () => {
    using folder = tempFolder();
    const path = folder.file('vocabulary.gguf');
    writeVocabulary(path, tiny);
    const { opened, refused } = await survives(path, readHeader(path).dataOffset, (file) => {
      checkTokenizer(readHeader(file).metadata);
      using vocabulary = Vocabulary.open(file);
      vocabulary.tokenize('Hello, world', { addSpecial: true, parseSpecial: true });
    });
    assert.ok(opened > 10 && refused > 10, `${opened} opened, ${refused} refused`);
  });
}
