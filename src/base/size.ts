import { EngineError } from './errors.ts';

const factors: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** "8G", "1.5GiB", "512M" or "1048576" -> bytes. Units are powers of 1024, in either case. Throws BAD_SIZE. */
export function parseBytes(text: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?\s*$/i.exec(text);
  const factor = factors[match?.[2]?.toUpperCase() ?? 'none'];
  const bytes = Math.floor(Number(match?.[1]) * (factor ?? Number.NaN));
  if (!Number.isSafeInteger(bytes) || bytes <= 0) throw new EngineError('BAD_SIZE', { text });
  return bytes;
}
