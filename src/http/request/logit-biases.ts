import * as z from 'zod';
import type { ServedModel } from '../../library/model-card.ts';
import type { Backend } from '../../worker/backend.ts';
import { expected } from '../expected.ts';
import { listOf } from './lists.ts';

/** The amount that is added to the logit of a token, or to those of all tokens of a text. */
export type LogitBias = readonly [token: number | string, amount: number];

const mostBiases = 1024;
/** Characters of the longest text: a word, not a prompt. */
const longest = 1024;

const word = z.string().min(1).max(longest);
const token = z.union([z.int().min(0), word], 'expected a token or a text');
/** False forbids a token. */
const amount = z
  .union([z.number().min(-100).max(100), z.literal(false)], 'expected a number from -100 to 100, or false')
  .transform((value) => (value === false ? Number.NEGATIVE_INFINITY : value));

const pairs = listOf(z.tuple([token, amount]), { most: mostBiases });
const amounts = z
  .unknown()
  .refine((biases) => Object.keys(Object(biases)).length <= mostBiases, `expected at most ${mostBiases} tokens`)
  .pipe(z.record(word, amount))
  .transform((byToken) =>
    Object.entries(byToken).map(([name, bias]): LogitBias => [/^\d{1,10}$/.test(name) ? Number(name) : name, bias]),
  );

/** OpenAI's object of amounts by token, or llama-server's list of pairs. A token is its number, or a text. */
export const logitBiases: z.ZodType<readonly LogitBias[]> = z.unknown().transform((value, context) => {
  const schema: z.ZodType<readonly LogitBias[]> = Array.isArray(value) ? pairs : amounts;
  const { data, error } = schema.safeParse(value, { error: expected });
  const issue = error?.issues[0];
  if (!issue) return data ?? [];
  context.issues.push({ ...issue, input: value } as z.core.$ZodRawIssue);
  return z.NEVER;
});

/** The amounts by token. Rejects as `Backend.tokenize`. */
export async function biasByToken(
  backend: Backend,
  model: ServedModel,
  biases: readonly LogitBias[] | undefined,
): Promise<Readonly<Record<number, number>> | undefined> {
  if (!biases) return undefined;
  const all: Record<number, number> = {};
  for (const [token, amount] of biases) {
    if (typeof token === 'number') all[token] = amount;
    else
      for await (const tokens of backend.tokenize(model, token, { special: true, bos: false }))
        for (const one of tokens) all[one] = amount;
  }
  return all;
}
