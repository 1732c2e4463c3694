import * as z from 'zod';
import type { ServedModel } from '../../library/model-card.ts';
import type { Backend } from '../../worker/backend.ts';
import type { Reservation } from './request-memory.ts';

/** A text, tokens, or both in turn. */
export type MixedPrompt = string | readonly (string | number)[];

const isToken = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const isNumber = (value: unknown): boolean => typeof value === 'number';

/** Is it a list of prompts? A list with a number in it is one prompt. */
const isSeveral = (value: unknown): value is readonly unknown[] => Array.isArray(value) && !value.some(isNumber);

/** llama-server's form of a text that media could stand beside. */
const textOf = (value: unknown): unknown => {
  const { prompt_string: text, multimodal_data: media } = Object(value) as Readonly<Record<string, unknown>>;
  return text !== undefined && media === undefined ? text : value;
};

interface Limits {
  /** The most prompts. */
  readonly most: number;
  /** Whether a text may be empty. */
  readonly empty?: boolean;
}

const expectedPrompts = 'expected a string, tokens, both in turn, or a list of these';

/** The prompts in a field: one, or a list of them, each as it is. */
export const mixedPrompts = ({ most, empty = false }: Limits): z.ZodType<readonly MixedPrompt[]> =>
  z.unknown().transform((value, context) => {
    const several = isSeveral(value);
    const prompts = (several ? value : [value]).map(textOf);
    const problem = (message: string, ...path: readonly PropertyKey[]): never => {
      context.addIssue({ code: 'custom', path: [...path], message });
      return z.NEVER;
    };
    if (several && prompts.length === 0) return problem('expected at least one');
    if (prompts.length > most) return problem(`expected at most ${most}`);
    for (const [i, prompt] of prompts.entries()) {
      const path = several ? [i] : [];
      if (typeof prompt !== 'string' && !Array.isArray(prompt)) return problem(expectedPrompts, ...path);
      if (prompt.length === 0 && !(empty && prompt === '')) return problem('expected a text or tokens', ...path);
      if (typeof prompt === 'string') continue;
      const wrong = prompt.findIndex((part) => typeof part !== 'string' && !isToken(part));
      if (wrong >= 0) return problem('expected a token, a whole number from 0 on, or a text', ...path, wrong);
    }
    return prompts as MixedPrompt[];
  });

const isTokens = (prompt: MixedPrompt): prompt is readonly number[] =>
  typeof prompt !== 'string' && prompt.every(isNumber);

/** Bytes of a token in a list. */
const perToken = 8;

/** Prompts with tokens in place of texts between other tokens. Rejects as `Backend.tokenize`. */
export async function unmixed(
  backend: Backend,
  model: ServedModel,
  prompts: readonly MixedPrompt[],
  reservation: Reservation,
): Promise<readonly (string | readonly number[])[]> {
  const all: (string | readonly number[])[] = [];
  for (const prompt of prompts) all.push(await unmixedOne(backend, model, prompt, reservation));
  return all;
}

async function unmixedOne(
  backend: Backend,
  model: ServedModel,
  prompt: MixedPrompt,
  reservation: Reservation,
): Promise<string | readonly number[]> {
  if (typeof prompt === 'string' || isTokens(prompt)) return prompt;
  const all: number[] = [];
  for (const [i, part] of prompt.entries()) {
    if (typeof part === 'number') all.push(part);
    else {
      for await (const tokens of backend.tokenize(model, part, { special: true, bos: i === 0 })) {
        reservation.add(perToken * tokens.length);
        all.push(...tokens);
      }
    }
  }
  return all;
}
