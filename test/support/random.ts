import { Random } from '../../bench/random.ts';

/** Numbers from 0 to 1, the same ones for each seed. */
export function randomNumbers(seed: number): () => number {
  const random = new Random(`${seed}`);
  return () => (random.words(1)[0] ?? 0) / 2 ** 32;
}
