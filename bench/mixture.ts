/**
 * A mixture of experts that says the same as a dense model of architecture llama. An expert is the dense feed-forward
 * network with its hidden elements in another order and scaled by a power of two: other bytes, the same function. So any
 * choice of experts gives the same text, and a gate, up and down of different experts gives none. tsx bench/mixture.ts
 * SOURCE.gguf OUT.gguf --experts 128 --used 4 --width 2048
 */
import { readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { at } from '../src/base/at.ts';
import { type ModelFile, openModelFile } from '../src/gguf/model-file.ts';
import { rowBytes } from '../src/gguf/types.ts';
import { dimension, type Weight } from '../src/gguf/weight.ts';
import { Vocabulary } from '../src/text/vocabulary.ts';
import { type TensorSource, u32, writeGguf } from './gguf-writer.ts';
import { inflate, readWeight } from './inflate.ts';
import { Libllama } from './libllama.ts';
import { positiveNumber } from './options.ts';
import { Random } from './random.ts';
import { rawMetadata } from './raw-metadata.ts';
import { fitRouters, type RouterInputs, type Skew } from './skewed-router.ts';

export interface DenseMixtureOptions {
  readonly experts: number;
  /** Experts that a token uses. */
  readonly used: number;
  /** The text that routers are fitted to, at least a few dozen tokens. */
  readonly text: readonly number[];
  /** Elements of the residual stream, at least as many as the source has; those of the source unless given. */
  readonly width?: number;
}

/** Hidden elements that stay together: those of a block, in types whose rows can be put in another order at all. */
const group = 32;

/** Where the float16 scales of a block lie. */
const scaleOffsets: Readonly<Record<string, readonly number[]>> = {
  q4_0: [0],
  q4_1: [0, 2],
  q5_0: [0],
  q5_1: [0, 2],
  q8_0: [0],
};

/** The numbers of 16 bits that bytes are made of: blocks of all types here are whole ones, and copied as such. */
const halves = (bytes: Uint8Array): Uint16Array => new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);

/**
 * Multiplies all elements by 2^power, exactly: adds the power to the exponents of scales that are not zero. Returns
 * whether the scales stay normal; what has been changed where they do not is of no use.
 */
function scale({ name, type }: Weight, bytes: Uint8Array, power: number): boolean {
  const offsets = scaleOffsets[type.name];
  if (!offsets) throw new Error(`${name}: elements of ${type.name} cannot be put in another order and scaled`);
  const numbers = halves(bytes);
  let normal = true;
  for (const offset of offsets) {
    for (let place = offset / 2; place < numbers.length; place += type.bytes / 2) {
      const number = numbers[place] as number;
      if ((number & 0x7fff) === 0) continue;
      const exponent = (number >> 10) & 31;
      normal &&= exponent > 0 && exponent + power > 0 && exponent + power < 31;
      numbers[place] = number + power * 2 ** 10;
    }
  }
  return normal;
}

/** The bytes of a matrix with runs of `run` bytes of each row, or rows, in another order. */
function reorder(bytes: Uint8Array, run: number, order: readonly number[]): Uint8Array {
  const result = new Uint8Array(bytes.length);
  const [source, target, length] = [halves(bytes), halves(result), run / 2];
  for (let row = 0; row < source.length; row += order.length * length) {
    let to = row;
    for (const group of order) {
      const start = row + group * length;
      for (let from = start; from < start + length; from += 1, to += 1) target[to] = source[from] as number;
    }
  }
  return result;
}

interface Network {
  readonly gate: Weight;
  readonly up: Weight;
  readonly down: Weight;
}

/** The three matrices of a layer's experts, whose order and powers follow from the layer's number. */
function expertTensors(model: ModelFile, il: number, { gate, up, down }: Network, experts: number): TensorSource[] {
  const hidden = dimension(gate.shape, 1);
  const groups = hidden / group;
  if (!Number.isInteger(groups)) throw new Error(`${hidden} hidden elements are not whole groups of ${group}`);
  const random = new Random(`experts ${il}`);
  const orders = Array.from({ length: experts }, () => {
    const words = random.words(groups);
    return Array.from(words.keys()).sort((a, b) => at(words, a) - at(words, b));
  });
  const bytes = { gate: readWeight(model, gate), up: readWeight(model, up), down: readWeight(model, down) };
  const possible = [-1, 0, 1].map((power) =>
    scale(up, bytes.up.slice(), power) && scale(down, bytes.down.slice(), -power) ? power : 0,
  );
  const powers = Array.from(random.words(experts), (word) => at(possible, word % 3));
  const outwards = (part: Uint8Array, expert: number): Uint8Array =>
    reorder(part, part.length / groups, at(orders, expert));
  const inwards = (part: Uint8Array, expert: number): Uint8Array =>
    reorder(part, rowBytes(down.type, group), at(orders, expert));
  const scaled = (weight: Weight, part: Uint8Array, power: number): Uint8Array => {
    scale(weight, part, power);
    return part;
  };
  const tensor = (weight: Weight, expertBytes: (expert: number) => Uint8Array): TensorSource => ({
    name: weight.name.replace('.weight', '_exps.weight'),
    type: weight.type,
    shape: [...weight.shape, experts],
    data: function* () {
      for (let expert = 0; expert < experts; expert += 1) yield expertBytes(expert);
    },
  });
  return [
    tensor(gate, (expert) => outwards(bytes.gate, expert)),
    tensor(up, (expert) => scaled(up, outwards(bytes.up, expert), at(powers, expert))),
    tensor(down, (expert) => scaled(down, inwards(bytes.down, expert), -at(powers, expert))),
  ];
}

/** The inputs that the feed-forward networks of all layers get from a text. */
function routerInputs(source: string, text: readonly number[], width: number): readonly RouterInputs[] {
  const inputs: RouterInputs[] = [];
  const seen = (name: string, values: Float32Array): void => {
    inputs[Number(name.replace('ffn_norm-', ''))] = { width, values };
  };
  using model = new Libllama(source, { context: text.length, threads: 1, watch: { name: /^ffn_norm-\d+$/, seen } });
  model.decode(text);
  return inputs;
}

function makeMixture(source: string, target: string, { experts, used, text }: DenseMixtureOptions): readonly Skew[] {
  const model = openModelFile(source);
  const { metadata, weights } = model;
  if (metadata.string('general.architecture') !== 'llama') throw new Error(`${source} is not of architecture llama`);
  const width = metadata.number('llama.embedding_length');
  const layers = metadata.number('llama.block_count');
  const { weights: routers, skews } = fitRouters(routerInputs(source, text, width), { experts, used, seed: 'router' });
  const weightOf = (name: string): Weight => {
    const weight = weights.get(name);
    if (!weight) throw new Error(`${source} has no ${name}`);
    return weight;
  };
  const router = (values: Float32Array, il: number): TensorSource => ({
    name: `blk.${il}.ffn_gate_inp.weight`,
    type: weightOf('output_norm.weight').type,
    shape: [width, experts],
    data: new Uint8Array(values.buffer),
  });
  const kept = [...weights.values()]
    .filter(({ name }) => !/\.ffn_(gate|up|down)\./.test(name))
    .map((weight): TensorSource => ({ ...weight, data: () => [readWeight(model, weight)] }));
  const layer = (il: number): readonly TensorSource[] => {
    const part = (name: string): Weight => weightOf(`blk.${il}.ffn_${name}.weight`);
    const network = { gate: part('gate'), up: part('up'), down: part('down') };
    return [router(at(routers, il), il), ...expertTensors(model, il, network, experts)];
  };
  const entries = Object.entries(rawMetadata(metadata.file)).filter(
    ([key]) => !/^split\.|^general\.size_label$/.test(key),
  );
  writeGguf(target, {
    metadata: {
      ...Object.fromEntries(entries),
      'llama.expert_count': u32(experts),
      'llama.expert_used_count': u32(used),
    },
    tensors: [...kept, ...Array.from({ length: layers }, (_, il) => layer(il)).flat()],
  });
  return skews;
}

/**
 * Writes a mixture that says the same as a model of architecture llama, up to rounding. Returns how unequally each layer
 * uses its experts for the text. Throws for types whose elements cannot be put in another order.
 */
export function mixture(source: string, target: string, options: DenseMixtureOptions): readonly Skew[] {
  const { width } = options;
  if (width === undefined) return makeMixture(source, target, options);
  const wide = `${target}.wide`;
  const { metadata } = openModelFile(source);
  const sizes = {
    feedForward: metadata.number('llama.feed_forward_length'),
    layers: metadata.number('llama.block_count'),
  };
  try {
    inflate(source, wide, { ...sizes, width });
    return makeMixture(wide, target, options);
  } finally {
    rmSync(wide, { force: true });
  }
}

/** Tokens of the text that routers are fitted to. */
const textTokens = 384;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  new Command('mixture')
    .description('Write a mixture of experts that says the same as a dense llama model.')
    .argument('<source>', 'GGUF file of architecture llama with a vocabulary')
    .argument('<target>', 'GGUF file to write')
    .requiredOption('--experts <n>', 'experts of each layer', positiveNumber)
    .requiredOption('--used <n>', 'experts that a token uses', positiveNumber)
    .option('--width <n>', 'elements of the residual stream (default: as in the source)', positiveNumber)
    .option('--text <file>', 'text that routers are fitted to', 'docs/ARCHITECTURE.md')
    .action(
      (source: string, target: string, { text, ...options }: Omit<DenseMixtureOptions, 'text'> & { text: string }) => {
        using vocabulary = Vocabulary.open(source);
        const tokens = vocabulary.tokenize(readFileSync(text, 'utf8'), { addSpecial: true, parseSpecial: false });
        const skews = mixture(source, target, { ...options, text: tokens.slice(0, textTokens) });
        const mean = (of: (skew: Skew) => number): string =>
          (skews.reduce((sum, skew) => sum + of(skew), 0) / skews.length).toFixed(2);
        console.log(
          `hottest tenth ${mean((skew) => skew.tenth)}, quarter ${mean((skew) => skew.quarter)} of uses;`,
          `${mean((skew) => skew.overlap)} of a token's experts as before`,
        );
      },
    )
    .parse();
}
