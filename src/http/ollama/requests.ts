import * as z from 'zod';
import type { Conversation } from '../../chat/message.ts';
import { roleOf } from '../../chat/roles.ts';
import type { GrammarSource } from '../../grammar/source.ts';
import type { ServedModel } from '../../library/model-card.ts';
import type { GenerationRequest } from '../../worker/backend.ts';
import { given } from '../request/given.ts';
import { keepAliveSchema } from '../request/keep-alive.ts';
import { anyList, listOf, tokenList } from '../request/lists.ts';
import { thinkField } from '../request/think-level.ts';
import { checkToolChoice, type ToolFields, toolFields } from '../request/tools.ts';
import { type OllamaOptions, optionSchemas, optionsSchema, type ParsedOptions } from './options.ts';

/** Members that requests for answers have at all endpoints. */
export interface OllamaAnswerRequest {
  readonly model: string;
  readonly stream: boolean;
  readonly options: ParsedOptions;
  /** Seconds that the model stays loaded. */
  readonly keep_alive: number | undefined;
  readonly truncate: boolean | undefined;
  readonly logprobs: boolean | undefined;
  readonly top_logprobs: number | undefined;
  /** Whether the model thinks, or how much. */
  readonly think: boolean | string | undefined;
  /** The texts that the answer may be. */
  readonly format: GrammarSource | undefined;
  /** Chat template in place of the model's own; empty for none. */
  readonly template: string;
}

export interface OllamaGenerateRequest extends OllamaAnswerRequest {
  readonly prompt: string;
  readonly system: string;
  readonly context: readonly number[];
  readonly raw: boolean;
  readonly suffix: string;
  readonly images: readonly unknown[];
}

/** A call of a tool in an earlier answer. */
export interface RequestCall {
  readonly id?: string | null | undefined;
  /** The arguments are an object; other APIs have them as text. */
  readonly function: { readonly name: string; readonly arguments?: unknown };
}

interface RequestMessage {
  readonly role: string;
  readonly content: string;
  readonly thinking: string;
  readonly images: readonly unknown[];
  readonly tool_calls: readonly RequestCall[];
  readonly tool_name: string;
  readonly tool_call_id: string;
}

export interface OllamaChatRequest extends OllamaAnswerRequest, ToolFields {
  readonly messages: readonly RequestMessage[];
}

const or = <T>(schema: z.ZodType<T>, fallback: T): z.ZodType<T> =>
  schema.nullish().transform((value) => value ?? fallback);
const text = or(z.string(), '');
const list = or(anyList, []);
const flag = given(z.boolean());
/** Characters of a template: several times those of the longest that models have. */
const mostTemplate = 65_536;

const badFormat = 'invalid format; expected "json" or a JSON schema';

/** The grammar of a format: "json", or a JSON schema. */
function formatOf(format: unknown, context: z.core.$RefinementCtx): GrammarSource | undefined {
  if (format === undefined || format === '') return undefined;
  if (format === 'json') return { kind: 'json' };
  if (typeof format === 'object') return { kind: 'schema', schema: format };
  context.addIssue({ code: 'custom', message: badFormat });
  return z.NEVER;
}

/** Members of an answer's request; options may stand beside the prompt too. */
const answer = {
  ...optionSchemas,
  model: text,
  stream: or(z.boolean(), true),
  options: optionsSchema,
  keep_alive: keepAliveSchema,
  truncate: flag,
  logprobs: flag,
  top_logprobs: given(z.int().min(0).max(20)),
  think: thinkField,
  format: given(z.unknown()).transform(formatOf),
  template: or(z.string().max(mostTemplate, `at most ${mostTemplate} characters`), ''),
};

const withOptions = <T extends OllamaOptions & { readonly options: ParsedOptions }>(body: T): T => ({
  ...body,
  options: body.options.over(body),
});

const generateFields = {
  ...answer,
  prompt: text,
  system: text,
  context: or(tokenList(), []),
  raw: or(z.boolean(), false),
  suffix: text,
  images: list,
};

export const generateRequest: z.ZodType<OllamaGenerateRequest> = z.object(generateFields).transform(withOptions);
/** Names of members of these requests: others change nothing. */
export const generateNames: readonly string[] = Object.keys(generateFields);

const call: z.ZodType<RequestCall> = z.object({
  id: z.string().nullish(),
  function: z.object({ name: z.string(), arguments: z.unknown().optional() }),
});

const chatFields = {
  ...answer,
  messages: or(
    listOf(
      z.object({
        role: z.string().transform(roleOf),
        content: text,
        thinking: text,
        images: list,
        tool_calls: or(listOf(call), []),
        tool_name: text,
        tool_call_id: text,
      }),
    ),
    [],
  ),
  ...toolFields,
};

export const chatRequest: z.ZodType<OllamaChatRequest> = z
  .object(chatFields)
  .superRefine(({ tools, tool_choice }, context) => checkToolChoice(tools, tool_choice, context))
  .transform(withOptions);
/** Names of members of these requests: others change nothing. */
export const chatNames: readonly string[] = Object.keys(chatFields);

/** The wishes of a request for the form of its conversation. */
export const conversationForm = ({ think, template }: OllamaAnswerRequest): Omit<Conversation, 'messages'> => ({
  ...(think !== undefined && { think }),
  ...(template !== '' && { chatTemplate: template }),
});

const modelNames = { model: text, name: text };

/** Names of the fields of a request about a model. */
export const modelFields: readonly string[] = Object.keys(modelNames);

/** A request about a model: its name, which old clients call `name`. */
export const modelRequest: z.ZodType<string> = z.object(modelNames).transform(({ model, name }) => model || name);

/** The request for one answer, without its prompt. */
export const requestOf = (
  { options, logprobs, top_logprobs = 0, truncate, format }: OllamaAnswerRequest,
  model: ServedModel,
): Omit<GenerationRequest, 'prompt'> => ({
  ...options.of(model),
  truncate,
  grammar: format,
  logprobs: logprobs ? top_logprobs : undefined,
});
