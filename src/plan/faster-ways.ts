import { formatBytes } from '../base/bytes.ts';

/** A change that makes a model faster, and its tokens a second then. */
export type FasterWay =
  | {
      readonly kind: 'memory';
      readonly budget: number;
      /** All weights are in memory then. */
      readonly whole: boolean;
      /** This machine has so much memory. */
      readonly here: boolean;
      readonly tokens_per_s: number;
    }
  | {
      readonly kind: 'draft';
      /** The draft model's name. */
      readonly model: string;
      /** The share of its tokens that have to be accepted for this. */
      readonly accepted: number;
      readonly tokens_per_s: number;
    };

/** Times that a way must be as fast as without it to be worth telling. */
const leastGain = 1.15;

/** True if `to` tokens a second are clearly more than `from`. */
export const gains = (from: number, to: number): boolean => to >= leastGain * from;

/** Tokens a second as they are told: two digits, since no forecast knows more. */
export const roughRate = (tokensPerSecond: number): string => `${Number(tokensPerSecond.toPrecision(2))}`;

/** "with 12 GiB 3.1", "with --draft-model tiny 2.4, where 7 of 10 of its tokens are accepted"; `unit` comes behind the rate. */
export function fasterText(way: FasterWay, unit: string = ''): string {
  const rate = roughRate(way.tokens_per_s) + unit;
  switch (way.kind) {
    case 'memory':
      return [
        `with ${formatBytes(way.budget)}`,
        ...(way.here ? [] : [' (more than there is here)']),
        ...(way.whole ? [', all in memory,'] : []),
        ` ${rate}`,
      ].join('');
    case 'draft':
      return `with --draft-model ${way.model} ${rate}, where ${Math.round(10 * way.accepted)} of 10 of its tokens are accepted`;
    default:
      return way satisfies never;
  }
}
