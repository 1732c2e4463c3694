import * as z from 'zod';
import type { Conversation, Tool } from '../../chat/message.ts';
import type { GenerationRequest } from '../../worker/backend.ts';
import { given, unlimited, wholeWithin } from '../request/given.ts';
import { grammarIn } from '../request/grammar-fields.ts';
import { keepAliveSchema } from '../request/keep-alive.ts';
import { listOf } from '../request/lists.ts';
import { type RefusedFields, refuseUnsupported } from '../request/refused-fields.ts';
import { samplingFields, samplingOf } from '../request/sampling-fields.ts';
import { thinkLevel } from '../request/think-level.ts';
import { checkToolChoice } from '../request/tools.ts';
import { Input } from './input.ts';
import { type RequestChoice, type RequestTools, ResponsesChoice, ResponsesTools } from './tools.ts';

export interface ResponsesRequest {
  /** The name by which the client calls the model, if it does. */
  readonly model: string | undefined;
  readonly conversation: Conversation;
  readonly stream: boolean;
  /** Seconds that the model stays loaded after the answer. */
  readonly keepAlive: number | undefined;
  readonly generation: Omit<GenerationRequest, 'prompt'>;
  /** Members of the request that a response repeats. */
  readonly repeated: object;
  /** Types of tools that are left out. */
  readonly skipped: readonly string[];
  /** Repeats thoughts in the form in which clients that store nothing send them back. */
  readonly encrypted: boolean;
  /** Brings progress through the prompt in the stream. */
  readonly progress: boolean;
  /** Brings the times so far in each part of the stream. */
  readonly timings: boolean;
}

const count = wholeWithin(1, unlimited);

/** Wishes that are refused, never ignored: without them the answer would be another one. */
const unsupported: RefusedFields = {
  previous_response_id: () => true,
  conversation: () => true,
  prompt: () => true,
  background: (value) => value !== false,
};

const fields = {
  ...samplingFields,
  model: given(z.string()),
  input: Input,
  instructions: given(z.string()),
  tools: ResponsesTools,
  tool_choice: ResponsesChoice,
  parallel_tool_calls: given(z.boolean()),
  reasoning: given(z.looseObject({ effort: thinkLevel })),
  max_output_tokens: count,
  stream: given(z.boolean()),
  store: given(z.boolean()),
  metadata: given(z.looseObject({})),
  top_logprobs: wholeWithin(0, 20),
  include: given(listOf(z.string())),
  text: given(z.looseObject({ format: given(z.looseObject({ type: z.string(), schema: z.unknown().optional() })) })),
  return_progress: given(z.boolean()),
  timings_per_token: given(z.boolean()),
  num_ctx: count,
  keep_alive: keepAliveSchema,
};

/** Names of the fields of a POST to /v1/responses; a prompt that is too long is refused, whatever truncation says. */
export const responsesFields: readonly string[] = [
  ...Object.keys({ ...fields, ...unsupported }),
  'stream_options',
  'truncation',
  'client_metadata',
];

/** The tools that may be called. */
const allowedOf = ({
  tools: { tools },
  tool_choice: { names },
}: {
  readonly tools: RequestTools;
  readonly tool_choice: RequestChoice;
}): readonly Tool[] => (names ? tools.filter(({ name }) => names.includes(name)) : tools);

/** The body of a POST to /v1/responses. */
export const ResponsesBody: z.ZodType<ResponsesRequest> = z
  .looseObject(fields)
  .superRefine((body, context) => {
    refuseUnsupported(body, unsupported, context);
    const { choice, names = [] } = body.tool_choice;
    checkToolChoice(allowedOf(body), choice, context);
    for (const name of names) checkToolChoice(body.tools.tools, { name }, context);
  })
  .transform((body, context) => {
    const { instructions, max_output_tokens, top_logprobs, include = [], parallel_tool_calls, reasoning } = body;
    const { tools, skipped } = body.tools;
    const { choice } = body.tool_choice;
    const allowed = allowedOf(body);
    return {
      model: body.model,
      conversation: {
        messages: instructions === undefined ? body.input : [{ role: 'system', content: instructions }, ...body.input],
        ...(allowed.length > 0 && { tools: allowed }),
        ...(choice && { toolChoice: choice }),
        ...(parallel_tool_calls === false && { parallelToolCalls: false }),
        ...(reasoning?.effort !== undefined && { think: reasoning.effort === 'none' ? false : reasoning.effort }),
      },
      stream: body.stream ?? false,
      keepAlive: body.keep_alive,
      generation: {
        sampling: samplingOf(body),
        maxTokens: max_output_tokens,
        stop: [],
        logprobs: include.includes('message.output_text.logprobs') ? (top_logprobs ?? 0) : top_logprobs,
        context: body.num_ctx,
        grammar: grammarIn({ response_format: body.text?.format }, context),
      },
      repeated: {
        instructions: instructions ?? null,
        max_output_tokens: max_output_tokens ?? null,
        metadata: body.metadata ?? {},
        parallel_tool_calls: parallel_tool_calls ?? true,
        previous_response_id: null,
        reasoning: { effort: reasoning?.effort ?? null, summary: null },
        store: false,
        text: { format: body.text?.format ?? { type: 'text' } },
        tool_choice: typeof choice === 'object' ? { type: 'function', ...choice } : (choice ?? 'auto'),
        tools: tools.map((tool) => ({ type: 'function', strict: false, ...tool })),
        truncation: 'disabled',
      },
      skipped,
      progress: body.return_progress ?? false,
      timings: body.timings_per_token ?? false,
      encrypted: include.includes('reasoning.encrypted_content'),
    };
  });
