/** The end of a stem that names a quantization: "-Q4_K_M", ".IQ2_XS", "-UD-Q3_K_XL", "_f16". */
const quantization = /[-._ ]((?:ud-|i1-)?(?:i?q\d+|tq\d+|bf16|f16|f32|fp16|fp32|mxfp4|nvfp4)(?:_[a-z0-9]+)*)$/i;

/** The quantization that a stem ends with, as it is written there: "Qwen3-8B-Q4_K_M" -> "Q4_K_M". */
const quantizationInName = (stem: string): string | undefined => quantization.exec(stem)?.[1];

/** A stem in lower case, of letters, digits, dots, dashes and underscores. */
export const plainStem = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}._-]+/gu, '-')
    .replace(/^[-._]+|[-._]+$/g, '');

/** The name for a stem: "Qwen3-8B-Q4_K_M" -> "qwen3-8b:q4_k_m", "notes" -> "notes:latest". */
export function nameOfStem(stem: string): string {
  const [suffix = '', tag = 'latest'] = quantization.exec(stem) ?? [];
  const base = plainStem(stem.slice(0, stem.length - suffix.length));
  return base === '' ? `${plainStem(stem) || 'model'}:latest` : `${base}:${tag.toLowerCase()}`;
}

/** The name for a stem, of letters of ASCII. */
export const nameForStem = (stem: string): string => nameOfStem(stem.replace(/[^\x20-\x7e]+/g, '-'));

/** The text that tells a file from the others of its repository: its quantization, or else all of its stem. */
export const tagInRepository = (stem: string): string =>
  quantizationInName(stem) ?? nameForStem(stem).replace(/:[^:]*$/, '');

/** The name of a model of Hugging Face: "hf.co/ORG/REPO:QUANT", by which it is pulled. */
export const hubName = (repository: string, stem: string): string => `hf.co/${repository}:${tagInRepository(stem)}`;
