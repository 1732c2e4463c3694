import { formatBytes } from '../../base/bytes.ts';
import { summarize } from '../../plan/explain.ts';
import { roughRate } from '../../plan/faster-ways.ts';
import type { Expectation } from '../forecast.ts';
import { columns } from './columns.ts';
import { roughly } from './duration.ts';

/** The budget that was asked for or chosen, and the bytes that the machine has. */
interface Here {
  readonly budget: number;
  readonly auto: boolean;
  readonly machine: number;
}

/** Budgets, a line each, with the weights that stay in memory, those that are read for a token, and the speed to expect. */
export function budgetLines(expectations: readonly Expectation[], here: Here): readonly string[] {
  return columns([
    ['BUDGET', 'STAYS', 'READ/TOKEN', 'TOKENS/S', 'FIRST TOKEN', ''],
    ...expectations.map(({ plan, speed, hitRate }) => {
      const { bytes_per_token } = summarize(plan, hitRate);
      return [
        formatBytes(plan.budget),
        formatBytes(plan.shares.resident + plan.shares.experts),
        bytes_per_token === 0 ? '-' : formatBytes(bytes_per_token),
        speed ? `${speed.basis === 'assumed' ? '~' : ''}${roughRate(speed.tokens_per_s)}` : '-',
        speed ? roughly(speed.first_token_s) : '',
        markOf(plan.budget, here),
      ];
    }),
  ]);
}

/**
 * A line about prompts of first tokens that are shorter than those of others, as their context holds no more; undefined
 * where all are equally long.
 */
export function shorterPrompts(expectations: readonly Pick<Expectation, 'plan' | 'speed'>[]): string | undefined {
  const prompts = expectations.flatMap(({ plan, speed }) =>
    speed ? [{ budget: plan.budget, tokens: speed.first_token_prompt }] : [],
  );
  const longest = Math.max(...prompts.map(({ tokens }) => tokens));
  const shorter = prompts.filter(({ tokens }) => tokens < longest);
  if (shorter.length === 0) return undefined;
  const told = shorter.map(({ budget, tokens }) => `${tokens} with ${formatBytes(budget)}`);
  return `first token: of an answer to ${longest} tokens, or as many as the context holds (${told.join(', ')})`;
}

function markOf(bytes: number, { budget, auto, machine }: Here): string {
  if (bytes > machine) return 'more than there is here';
  if (bytes !== budget) return '';
  return auto ? 'what is free here' : 'as asked for';
}
