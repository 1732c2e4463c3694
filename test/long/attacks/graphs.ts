import { readFileSync, writeFileSync } from 'node:fs';
import { alignUp } from '../../../src/base/bytes.ts';
import { EngineError } from '../../../src/base/errors.ts';
import { readHeader } from '../../../src/gguf/header.ts';
import { Model } from '../../../src/model/model.ts';
import type { ModelOptions } from '../../../src/model/model-options.ts';
import { kvTypes } from '../../../src/plan/kv-options.ts';
import { architectureFile } from '../../support/architectures/architecture-file.ts';
import { architectures } from '../../support/architectures/rows.ts';
import { type Attack, Dice } from './attack.ts';
import { type Cases, scratchFolder, tryInChildren } from './cases.ts';
import { type Fields, joinFields, parseFields } from './header-fields.ts';
import { mutateFields } from './header-mutations.ts';
import { mutateHyperparameters } from './hyperparameters.ts';

/** Headers of all architectures, with the graphs that libllama builds for them and first answers where they are possible. */
export const graphs: Attack = {
  name: 'mutated headers of all architectures',
  count: 4000,
  run: (options) => tryInChildren('graphs', options),
};

/** A model of some hundred kilobytes cannot honestly take more. */
const allowance = 320 * 2 ** 20;

interface Whole {
  readonly fields: Fields;
  readonly data: Buffer;
}

/** A mutant of the header, and the weights where they belong. */
function mutant({ fields, data }: Whole, dice: Dice): Buffer {
  const changed = joinFields(dice.below(5) ? mutateHyperparameters(fields, dice) : mutateFields(fields, dice));
  return Buffer.concat([changed, Buffer.alloc(alignUp(changed.length, 32) - changed.length), data]);
}

/** Ways to run a model that make libllama build other graphs, or keep other states. */
const someOptions = (dice: Dice, experts: boolean): ModelOptions => ({
  ...dice.pick([{}, {}, { context: 64 }, { context: 4000 }]),
  ...dice.pick([{}, {}, { parallel: 2 }, { parallel: 8 }]),
  ...dice.pick([{}, {}, { draft: { ngram: true } }]),
  ...(experts && dice.below(2) === 1 && { expertCache: 1 }),
  kv: { type: dice.pick(kvTypes) },
});

async function answer(model: Model, prompt: string): Promise<void> {
  for await (const _ of model.generate(prompt, { maxTokens: 2 }));
}

export async function openCases(seed: string): Promise<Cases> {
  const folder = scratchFolder();
  const path = folder.file('model.gguf');
  const wholes = new Map<string, Whole>();
  const wholeOf = (name: string): Whole => {
    const known = wholes.get(name);
    if (known) return known;
    const file = readFileSync(architectureFile(path, name, { vocabulary: true }));
    const whole = { fields: parseFields(file), data: file.subarray(readHeader(path).dataOffset) };
    wholes.set(name, whole);
    return whole;
  };

  /** Opens a model, plans it and asks it for answers at once. Resolves to what came of it. */
  const open = async (options: ModelOptions = {}): Promise<string> => {
    try {
      await using model = Model.open(path, { memoryBudget: 2 ** 29, threads: 1, graphs: 'libllama', ...options });
      model.plan();
      const prompts = options.parallel ? ['ab', 'abababababababababababab'] : ['ab'];
      await Promise.all(prompts.map((prompt) => answer(model, prompt)));
      return 'answered';
    } catch (error) {
      if (error instanceof EngineError) return error.code;
      throw error;
    }
  };

  architectureFile(path, 'llama', { vocabulary: true });
  // Memory of the first answer's loading must not count as a mutant's.
  await open();
  return {
    memory: allowance,
    attempt: (number) => {
      const dice = new Dice(`${seed} ${number}`);
      const { name, experts } = dice.pick(architectures);
      writeFileSync(path, mutant(wholeOf(name), dice));
      return open(someOptions(dice, experts));
    },
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}
