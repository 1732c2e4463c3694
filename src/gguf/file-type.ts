import type { ModelFile } from './model-file.ts';
import type { Weight } from './weight.ts';

/** Names of `general.file_type` as llama.cpp numbers it: the type of most matrices of a file, and the mix. */
const fileTypes: Readonly<Record<number, string>> = {
  0: 'F32',
  1: 'F16',
  2: 'Q4_0',
  3: 'Q4_1',
  7: 'Q8_0',
  8: 'Q5_0',
  9: 'Q5_1',
  10: 'Q2_K',
  11: 'Q3_K_S',
  12: 'Q3_K_M',
  13: 'Q3_K_L',
  14: 'Q4_K_S',
  15: 'Q4_K_M',
  16: 'Q5_K_S',
  17: 'Q5_K_M',
  18: 'Q6_K',
  19: 'IQ2_XXS',
  20: 'IQ2_XS',
  21: 'Q2_K_S',
  22: 'IQ3_XS',
  23: 'IQ3_XXS',
  24: 'IQ1_S',
  25: 'IQ4_NL',
  26: 'IQ3_S',
  27: 'IQ3_M',
  28: 'IQ2_S',
  29: 'IQ2_M',
  30: 'IQ4_XS',
  31: 'IQ1_M',
  32: 'BF16',
  36: 'TQ1_0',
  37: 'TQ2_0',
  38: 'MXFP4',
  39: 'NVFP4',
  40: 'Q1_0',
  41: 'Q2_0',
};

/** The number of tensors of a type, and their bytes. */
export interface TypeShare {
  readonly tensors: number;
  readonly bytes: number;
}

/** The tensor types of a model by ggml's names, in the order in which they first come. */
export function typeShares(weights: Iterable<Weight>): Readonly<Record<string, TypeShare>> {
  const shares: Record<string, TypeShare> = {};
  for (const { type, extent } of weights) {
    const { tensors, bytes } = shares[type.name] ?? { tensors: 0, bytes: 0 };
    shares[type.name] = { tensors: tensors + 1, bytes: bytes + extent.length };
  }
  return shares;
}

/**
 * The quantization's name, "Q4_K_M": as the file has it, else the type of most bytes of its matrices; without matrices
 * "".
 */
export function quantizationOf({ metadata, weights }: Pick<ModelFile, 'metadata' | 'weights'>): string {
  const said = fileTypes[metadata.number('general.file_type', -1)];
  if (said !== undefined) return said;
  const matrices = [...weights.values()].filter(({ shape }) => shape.length > 1);
  const [most] = Object.entries(typeShares(matrices)).sort(([, a], [, b]) => b.bytes - a.bytes);
  return (most?.[0] ?? '').toUpperCase();
}
