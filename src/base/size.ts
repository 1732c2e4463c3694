import { EngineError } from './errors.ts';

const factors: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** Numbers without a unit below this are refused: another unit was meant. */
const leastBare = 1_000_000;
/** A bare number up to this is meant in gigabytes, a larger one in megabytes. */
const mostGiga = 256;

/** A model's file or name after -m: that is llama.cpp's option for the model. */
const modelFile = /\.gguf$|^[a-z][\w./-]*[:/]/i;
const modelHint = 'a model is named without an option, and -m is the memory budget';

/**
 * "8G", "1.5GiB", "512M" or "1048576" -> bytes. Units are powers of 1024, in either case. Throws BAD_SIZE, also for
 * "8".
 */
export function parseBytes(text: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?\s*$/i.exec(text);
  const factor = factors[match?.[2]?.toUpperCase() ?? 'none'];
  const bytes = Math.floor(Number(match?.[1]) * (factor ?? Number.NaN));
  if (!Number.isSafeInteger(bytes) || bytes <= 0) {
    throw new EngineError('BAD_SIZE', modelFile.test(text) ? { text, hint: modelHint } : { text });
  }
  if (match?.[2] === '' && bytes < leastBare) {
    const hint = `did you mean ${match[1]}${Number(match[1]) <= mostGiga ? 'G' : 'M'}?`;
    throw new EngineError('BAD_SIZE', { text, hint });
  }
  return bytes;
}
