import { type FasterWay, fasterText, roughRate } from '../../plan/faster-ways.ts';
import type { ExpectedSpeed } from '../forecast.ts';
import { roughly } from './duration.ts';

/** A line about figures that were found while other programs, or other machines, took the processor or the drive. */
export const busyText = 'measured while this machine was busy with other work; repeated next time';

/** Tokens a second that are read as they come, and seconds that nobody minds to wait. */
const pleasant = { tokensPerSecond: 5, seconds: 5 };

/** A line about an answer that will be slow, and what would make it faster; undefined for one that will not. */
export function slowStart(
  {
    tokens_per_s,
    first_token_s,
    basis,
    busy,
  }: Pick<ExpectedSpeed, 'tokens_per_s' | 'first_token_s' | 'basis' | 'busy'>,
  faster: readonly FasterWay[],
): string | undefined {
  if (tokens_per_s >= pleasant.tokensPerSecond && first_token_s <= pleasant.seconds) return undefined;
  const ground = basis === 'assumed' ? ', if the storage is a usual one' : '';
  return [
    `expect about ${roughRate(tokens_per_s)} tokens/s, the first after about ${roughly(first_token_s)}${ground}`,
    ...faster.map((way) => fasterText(way)),
    ...(busy ? [busyText] : []),
  ].join('; ');
}
