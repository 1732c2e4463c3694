/**
 * A random model in the shape of a real one, as fast as the disk takes it: what only asks for time and bytes needs no
 * other. tsx bench/synthesize.ts OUT.gguf --shape 8B --type q4_0
 */
import { statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, Option } from 'commander';
import { formatBytes } from '../src/base/bytes.ts';
import { ggmlTypes } from '../src/gguf/types.ts';
import { type GgufSource, tensorBytes, writeGguf } from './gguf-writer.ts';
import { positiveNumber } from './options.ts';
import { isQuantizable } from './quantize.ts';
import { type RandomModelSpec, randomModel } from './random-model.ts';
import { type TinyVocabulary, tinyBytePair, tinySentencePiece } from './tiny-vocabulary.ts';

type Sizes = 'layers' | 'width' | 'heads' | 'kvHeads' | 'feedForward' | 'vocabulary';

/** A model of architecture llama without its weights. */
export interface Shape extends Pick<RandomModelSpec, Sizes | 'context' | 'rope'> {
  /** A vocabulary of so many tokens, of the kind that the real model has. */
  readonly tokenizer: (tokens: number) => TinyVocabulary;
}

export interface SynthesizeOptions {
  /** ggml's name for the type of all matrices. */
  readonly type: string;
  /** Layers; default: those of the shape. */
  readonly layers?: number;
  /** 1 unless given. */
  readonly seed?: number;
}

const llama2 = { vocabulary: 32000, context: 4096, rope: { base: 1e4 }, tokenizer: tinySentencePiece } as const;
const llama3 = {
  vocabulary: 128256,
  context: 8192,
  rope: { base: 5e5 },
  tokenizer: (tokens: number) => tinyBytePair('llama-bpe', [], tokens),
} as const;

/** Llama 3 8B, Llama 2 13B and Llama 3 70B. */
export const shapes: Readonly<Record<string, Shape>> = {
  '8B': { ...llama3, width: 4096, layers: 32, heads: 32, kvHeads: 8, feedForward: 14336 },
  '13B': { ...llama2, width: 5120, layers: 40, heads: 40, kvHeads: 40, feedForward: 13824 },
  '70B': { ...llama3, width: 8192, layers: 80, heads: 64, kvHeads: 8, feedForward: 28672 },
};

/** Throws if the disk would be full before the model is written; the file that it replaces makes room. */
function checkSpace(path: string, { tensors }: GgufSource): void {
  const { bavail, bsize } = statfsSync(dirname(path));
  const free = bavail * bsize + (statSync(path, { throwIfNoEntry: false })?.size ?? 0);
  const needed = tensors.reduce((sum, tensor) => sum + tensorBytes(tensor), 0);
  if (needed > free) {
    throw new Error(`${path} takes ${formatBytes(needed)}, but only ${formatBytes(free)} are free on its disk`);
  }
}

/**
 * Writes a llama model of random weights, with a tokenizer that knows every byte; its logits are finite. The same
 * arguments give the same bytes. Throws for a type that matrices cannot have, and where the disk has too little space.
 */
export function synthesize(path: string, shape: Shape, options: SynthesizeOptions): void {
  const { tokenizer, ...sizes } = shape;
  const model = randomModel({ ...sizes, ...options, architecture: 'llama' });
  checkSpace(path, model);
  writeGguf(path, { ...model, metadata: { ...model.metadata, ...tokenizer(shape.vocabulary).metadata } });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const types = ggmlTypes.filter(isQuantizable).map(({ name }) => name);
  new Command('synthesize')
    .description('Write a random model in the shape of a real one.')
    .argument('<target>', 'GGUF file to write')
    .addOption(new Option('--shape <name>', 'whose shape it has').choices(Object.keys(shapes)).makeOptionMandatory())
    .addOption(new Option('--type <name>', 'type of all matrices').choices(types).default('q4_0'))
    .option('--layers <n>', 'layers, instead of as many as the shape has', positiveNumber)
    .option('--seed <n>', 'another seed gives other weights', positiveNumber)
    .action((target: string, options: SynthesizeOptions & { shape: string }, command: Command) => {
      try {
        synthesize(target, shapes[options.shape] as Shape, options);
      } catch (error) {
        command.error(`error: ${error instanceof Error ? error.message : error}`);
      }
    })
    .parse();
}
