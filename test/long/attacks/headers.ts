import { readFileSync, writeFileSync } from 'node:fs';
import { str, writeGguf } from '../../../bench/gguf-writer.ts';
import { type ArchitectureName, type RandomModelSpec, randomModel } from '../../../bench/random-model.ts';
import { tinyBytePair, tinySentencePiece } from '../../../bench/tiny-vocabulary.ts';
import { alignUp } from '../../../src/base/bytes.ts';
import { EngineError } from '../../../src/base/errors.ts';
import { readHeader } from '../../../src/gguf/header.ts';
import { Model } from '../../../src/model/model.ts';
import { type Attack, Dice } from './attack.ts';
import { type Cases, scratchFolder, tryInChildren } from './cases.ts';
import { type Fields, joinFields, parseFields } from './header-fields.ts';
import { mutateBytes, mutateFields } from './header-mutations.ts';

/** Headers, with the opening of vocabulary and template and a first answer where one is possible. */
export const headers: Attack = {
  name: 'mutated headers',
  count: 75_000,
  run: (options) => tryInChildren('headers', options),
};

const architectures: readonly ArchitectureName[] = ['llama', 'qwen2', 'qwen3', 'gemma3', 'phi3'];
const template =
  "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}<|im_start|>assistant\n";
/** A model of 300 KB cannot honestly take more. */
const allowance = 192 * 2 ** 20;

interface Whole {
  readonly fields: Fields;
  readonly header: Buffer;
  readonly data: Buffer;
}

function wholeModel(path: string, architecture: ArchitectureName, vocabulary: 'bytes' | 'pieces'): Whole {
  const tokenizer = vocabulary === 'bytes' ? tinyBytePair() : tinySentencePiece();
  const spec: RandomModelSpec = {
    architecture,
    layers: 1,
    width: 64,
    heads: 2,
    kvHeads: 1,
    feedForward: 64,
    vocabulary: tokenizer.ids.size,
    context: 256,
    type: 'q8_0',
  };
  const { metadata, ...rest } = randomModel(spec);
  writeGguf(path, {
    ...rest,
    metadata: { ...metadata, ...tokenizer.metadata, 'tokenizer.chat_template': str(template) },
  });
  const file = readFileSync(path);
  const { dataOffset } = readHeader(path);
  const fields = parseFields(file);
  return { fields, header: joinFields(fields), data: file.subarray(dataOffset) };
}

/** A mutant of the header, and the weights where they belong. */
function mutant({ fields, header, data }: Whole, dice: Dice): Buffer {
  const changed = dice.below(4) ? joinFields(mutateFields(fields, dice)) : mutateBytes(header, dice);
  return Buffer.concat([changed, Buffer.alloc(alignUp(changed.length, 32) - changed.length), data]);
}

/** Opens a model and asks it for an answer. Resolves to what came of it. */
async function open(path: string, dice: Dice): Promise<string> {
  const kernels = dice.pick(['plain', 'auto'] as const);
  try {
    await using model = Model.open(path, { memoryBudget: 2 ** 29, threads: 1, context: 64, kernels });
    const messages = [{ role: 'user', content: 'hello world' }] as const;
    const prompt = dice.below(2) && model.prompts.hasTemplate ? messages : 'hello world';
    for await (const _ of model.generate(prompt, { maxTokens: 2 }));
    return 'answered';
  } catch (error) {
    if (error instanceof EngineError) return error.code;
    throw error;
  }
}

export async function openCases(seed: string): Promise<Cases> {
  const folder = scratchFolder();
  const path = folder.file('model.gguf');
  const wholes = [
    ...architectures.map((architecture) => wholeModel(path, architecture, 'bytes')),
    wholeModel(path, 'llama', 'pieces'),
  ];
  // Memory of the first answer's loading must not count as a mutant's.
  await open(path, new Dice(seed));
  return {
    memory: allowance,
    attempt: (number) => {
      const dice = new Dice(`${seed} ${number}`);
      writeFileSync(path, mutant(dice.pick(wholes), dice));
      return open(path, dice);
    },
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}
