import type * as z from 'zod';

/** Fields of requests with the values that ask for something: others are a peer's default, or change nothing. */
export type RefusedFields = Readonly<Record<string, (value: unknown) => boolean>>;

const isOn = (value: unknown): boolean => value !== 0 && value !== false;
const isOff = (value: unknown): boolean => value !== true;
const hasSome = (value: unknown): boolean => !Array.isArray(value) || value.length > 0;
const isNotOne = (value: unknown): boolean => value !== 1;
/** True unless a bound is zero or below, which is none. */
export const isPositive = (value: unknown): boolean => typeof value !== 'number' || value > 0;

/** Options of llama-server and vLLM that are not there yet, at any endpoint. */
export const refusedFields: RefusedFields = {
  tfs_z: isNotOne,
  adaptive_target: (value) => !(typeof value === 'number' && value < 0),
  min_keep: (value) => isOn(value) && value !== 1,
  min_tokens: isOn,
  samplers: hasSome,
  length_penalty: isNotOne,
  use_beam_search: isOn,
  bad_words: hasSome,
  allowed_token_ids: hasSome,
  logits_processors: hasSome,
  stop_token_ids: hasSome,
  include_stop_str_in_output: isOn,
  skip_special_tokens: isOff,
  truncate_prompt_tokens: () => true,
  prompt_logprobs: (value) => value !== false,
  return_token_ids: isOn,
  return_tokens_as_token_ids: isOn,
  t_max_predict_ms: isPositive,
  n_indent: isOn,
};

/** Wishes about a conversation, or about what is read of its answer. */
export const refusedInChats: RefusedFields = {
  reasoning_format: (value) => value !== 'auto' && value !== 'deepseek',
  include_reasoning: isOff,
  parse_tool_calls: isOff,
  chat_template: (value) => value !== '',
  documents: hasSome,
  best_of: isNotOne,
  echo: isOn,
};

/** Refuses, by its name, what a body asks for and nobody does here: without it the answer would be another one. */
export function refuseUnsupported(
  body: Readonly<Record<string, unknown>>,
  unsupported: RefusedFields,
  context: z.core.$RefinementCtx,
): void {
  for (const [field, asks] of Object.entries({ ...refusedFields, ...unsupported })) {
    const value = body[field] ?? undefined;
    if (value === undefined || !asks(value)) continue;
    context.addIssue({
      code: 'custom',
      path: [field],
      message: 'not supported yet',
      params: { code: 'not_supported' },
    });
  }
}
