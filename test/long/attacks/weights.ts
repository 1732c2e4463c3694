import {
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { EngineError } from '../../../src/base/errors.ts';
import { readHeader } from '../../../src/gguf/header.ts';
import type { Weight } from '../../../src/gguf/weight.ts';
import { Model } from '../../../src/model/model.ts';
import { budgetBeside } from '../../support/budget.ts';
import { writeBytePair } from '../../support/model-files.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { type Attack, Dice } from './attack.ts';
import { type Cases, tryInChildren } from './cases.ts';

/** Weights that are damaged before they are read, or while they are streamed. */
export const weights: Attack = {
  name: 'damaged weights',
  count: 750,
  run: (options) => tryInChildren('weights', options),
};

const MiB = 2 ** 20;
const types = ['f32', 'f16', 'bf16', 'q8_0', 'q4_0', 'q5_1', 'q4_K', 'q6_K', 'iq4_nl', 'mxfp4'] as const;
const shape = { layers: 3, width: 512, heads: 8, kvHeads: 4, feedForward: 1024, vocabulary: 400, context: 256 };
/** The model and the budget that it is opened under. */
const allowance = 256 * MiB;

/** A kind of damage. */
interface Damage {
  readonly name: string;
  /** The model is opened after this. */
  before?(path: string, weights: readonly Weight[], dice: Dice): void;
  /** This happens while an answer is computed. */
  during?(path: string, size: number, dice: Dice): void;
  /** An answer to these weights would be made up: there must be an error. */
  readonly hopeless?: boolean;
}

/** Changes bytes of the file in place. */
function patch(path: string, at: number, bytes: Uint8Array): void {
  const fd = openSync(path, 'r+');
  writeSync(fd, bytes.subarray(0, statSync(path).size - at), 0, undefined, at);
  closeSync(fd);
}

const filled = (path: string, { extent }: Weight, byte: number): void =>
  patch(path, extent.offset, new Uint8Array(extent.length).fill(byte));

/** A matrix or norm that every token passes through. */
const passed = (weights: readonly Weight[], dice: Dice): Weight =>
  dice.pick(weights.filter(({ name }) => name !== 'token_embd.weight'));

/** One whose numbers reach the logits: products with K-quants take what is not finite for zeros. */
function reaching(weights: readonly Weight[], dice: Dice): Weight {
  const last = weights.find(({ name }) => name === 'output.weight');
  return last?.type.name.endsWith('_K') ? last : passed(weights, dice);
}

const part = ({ extent }: Weight, dice: Dice): [number, number] => [
  extent.offset + dice.below(extent.length),
  1 + dice.below(4096),
];

const damages: readonly Damage[] = [
  {
    name: 'cut',
    hopeless: true,
    before: (path, weights, dice) => truncateSync(path, passed(weights, dice).extent.offset + 1),
  },
  { name: 'zeroes', before: (path, weights, dice) => filled(path, dice.pick(weights), 0) },
  { name: 'NaN', hopeless: true, before: (path, weights, dice) => filled(path, reaching(weights, dice), 0xff) },
  { name: 'huge numbers', before: (path, weights, dice) => filled(path, dice.pick(weights), 0x7b) },
  {
    name: 'random bytes',
    before: (path, weights, dice) => {
      const [at, length] = part(dice.pick(weights), dice);
      patch(path, at, dice.bytes(length));
    },
  },
  {
    name: 'all random',
    before: (path, weights, dice) => {
      for (const { extent } of weights) patch(path, extent.offset, dice.bytes(extent.length));
    },
  },
  {
    name: 'a few NaN',
    before: (path, weights, dice) => {
      const [at, length] = part(dice.pick(weights), dice);
      patch(path, at, Buffer.alloc(length, 0xff));
    },
  },
  { name: 'cut in use', during: (path, size, dice) => truncateSync(path, dice.below(size)) },
  { name: 'overwritten in use', during: (path, size, dice) => writeFileSync(path, dice.bytes(size), { flag: 'r+' }) },
  { name: 'removed in use', during: (path) => rmSync(path) },
  {
    name: 'replaced in use',
    during: (path, size, dice) => {
      writeFileSync(`${path}.new`, dice.bytes(dice.below(size)));
      renameSync(`${path}.new`, path);
    },
  },
];

/** Too little for the weights, which are streamed. */
const tight = 12 * MiB;

/**
 * Asks for an answer under a budget of so many bytes beside the process, and calls `begun` when some of it has come.
 */
async function ask(path: string, begun: () => void, beside: number = tight): Promise<readonly number[]> {
  await using model = Model.open(path, {
    ...budgetBeside(beside),
    threads: 1,
    context: 64,
    kernels: 'plain',
    kv: { home: 'ram' },
  });
  const answer = model.generate('hello world', { maxTokens: 6, temperature: 0, ignoreEnd: true });
  let pieces = 0;
  for await (const _ of answer) {
    if (pieces === 0) begun();
    pieces += 1;
  }
  return answer.tokens;
}

export async function openCases(seed: string): Promise<Cases> {
  const folder = tempFolder(existsSync('/dev/shm') ? '/dev/shm' : undefined);
  const path = folder.file('model.gguf');
  const sound = folder.file('f32.gguf');
  /** Made when it is first needed: a short attack needs a few types only. */
  const wholeOf = (type: (typeof types)[number]): string => {
    const whole = folder.file(`${type}.gguf`);
    if (!existsSync(whole)) {
      writeBytePair(whole, shape, { type });
    }
    return whole;
  };
  wholeOf('f32');
  // The first model opened loads the libraries, too.
  const expected = await ask(sound, () => {}, 128 * MiB);
  return {
    memory: allowance,
    async attempt(number) {
      const dice = new Dice(`${seed} ${number}`);
      const damage = dice.pick(damages);
      copyFileSync(wholeOf(dice.pick(types)), path);
      const { size, weights } = readHeader(path);
      damage.before?.(path, [...weights.values()], dice);
      const outcome = await ask(path, () => damage.during?.(path, size, dice)).then(
        (tokens) => (tokens.every((token) => token < shape.vocabulary) ? 'answered' : assertNever(tokens)),
        codeOf,
      );
      if (damage.hopeless && outcome === 'answered') throw new Error(`${damage.name}: answered all the same`);
      if (number % 25 === 0 && `${await ask(sound, () => {})}` !== `${expected}`) {
        throw new Error(`${damage.name}: afterwards a sound model answers something else`);
      }
      return `${damage.name}: ${outcome}`;
    },
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

function assertNever(tokens: readonly number[]): never {
  throw new Error(`the answer has tokens that there are not: ${tokens}`);
}

function codeOf(error: unknown): string {
  if (error instanceof EngineError) return error.code;
  throw error;
}
