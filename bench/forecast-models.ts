import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { Vocabulary } from '../src/text/vocabulary.ts';
import { writeGguf } from './gguf-writer.ts';
import { type DenseMixtureOptions, mixture } from './mixture.ts';
import { type RandomModelSpec, randomModel } from './random-model.ts';
import { tinyBytePair } from './tiny-vocabulary.ts';

/** A model that forecasts are compared with measurements on. */
interface ForecastModel {
  readonly name: string;
  /** Writes it to `path`; `real` is a small real model. */
  make(path: string, real: string): void;
}

const dense = (spec: Omit<RandomModelSpec, 'vocabulary' | 'context'>): ForecastModel['make'] => {
  const vocabulary = 32_000;
  return (path) => {
    const { metadata, ...model } = randomModel({ ...spec, vocabulary, context: 8192 });
    writeGguf(path, { ...model, metadata: { ...metadata, ...tinyBytePair('llama-bpe', [], vocabulary).metadata } });
  };
};

/** A mixture that says the same as the real model, with routers as unequal as those of real ones. */
const mixtureOf =
  (options: Pick<DenseMixtureOptions, 'experts' | 'used' | 'width'>): ForecastModel['make'] =>
  (path, real) => {
    using vocabulary = Vocabulary.open(real);
    const text = readFileSync('docs/ARCHITECTURE.md', 'utf8');
    const tokens = vocabulary.tokenize(text, { addSpecial: true, parseSpecial: false });
    mixture(real, path, { ...options, text: tokens.slice(0, 384) });
  };

/** Beside a small real model, which is the first: other families, types and sizes. */
const others: readonly ForecastModel[] = [
  {
    name: 'llama-q4_0',
    make: dense({
      ...{ architecture: 'llama', layers: 8, width: 4096, heads: 32, kvHeads: 8, feedForward: 14336 },
      type: 'q4_0',
    }),
  },
  {
    name: 'qwen3-q8_0',
    make: dense({
      ...{ architecture: 'qwen3', layers: 24, width: 1536, heads: 12, kvHeads: 4, feedForward: 6144 },
      type: 'q8_0',
    }),
  },
  {
    name: 'gemma3-q4_K',
    make: dense({
      ...{ architecture: 'gemma3', layers: 16, width: 2048, heads: 8, kvHeads: 4, feedForward: 8192 },
      window: { tokens: 1024 },
      type: 'q4_K',
    }),
  },
  { name: 'mixture-16', make: mixtureOf({ experts: 16, used: 4 }) },
  // Twice as wide, so that an expert takes 3 MB.
  { name: 'mixture-48', make: mixtureOf({ experts: 48, used: 6, width: 1152 }) },
];

const realName = 'SmolLM2-q4_1';

/** The files of all models by name, or of the `only` one, in `folder`, where they are made once. */
export function forecastModels(
  folder: string,
  real: string,
  only?: string,
): readonly (readonly [name: string, path: string])[] {
  mkdirSync(folder, { recursive: true });
  const wanted = (name: string): boolean => only === undefined || name === only;
  const made = others
    .filter(({ name }) => wanted(name))
    .map(({ name, make }) => {
      const path = join(folder, `${name}.gguf`);
      if (!existsSync(path)) {
        process.stderr.write(`making ${path}\n`);
        const unfinished = `${path}.part`;
        make(unfinished, real);
        renameSync(unfinished, path);
      }
      return [name, path] as const;
    });
  return [...(wanted(realName) ? [[realName, real] as const] : []), ...made];
}
