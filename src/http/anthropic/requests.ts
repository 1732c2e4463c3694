import * as z from 'zod';
import type { Conversation } from '../../chat/message.ts';
import type { GenerationRequest } from '../../worker/backend.ts';
import { stopSchema } from '../ollama/options.ts';
import { given, unlimited, wholeWithin } from '../request/given.ts';
import { grammarIn } from '../request/grammar-fields.ts';
import { keepAliveSchema } from '../request/keep-alive.ts';
import { refuseUnsupported } from '../request/refused-fields.ts';
import { samplingFields, samplingOf } from '../request/sampling-fields.ts';
import { thinkLevel } from '../request/think-level.ts';
import { checkToolChoice } from '../request/tools.ts';
import { AnthropicMessages, AnthropicSystem } from './messages.ts';
import { AnthropicChoice, AnthropicTools } from './tools.ts';

export interface AnthropicRequest {
  /** The name by which the client calls the model, if it does. */
  readonly model: string | undefined;
  readonly conversation: Conversation;
  readonly stream: boolean;
  /** Seconds that the model stays loaded after the answer. */
  readonly keepAlive: number | undefined;
  readonly generation: Omit<GenerationRequest, 'prompt'>;
}

const count = wholeWithin(1, unlimited);

/** Whether the model thinks: "adaptive" leaves it to the model, as its template has it. */
const Thinking = given(z.looseObject({ type: z.enum(['enabled', 'disabled', 'adaptive']), budget_tokens: count }));

const Format = z.looseObject({ type: z.string(), schema: z.unknown().optional() });
const Output = given(z.looseObject({ effort: thinkLevel, format: given(Format) }));

const thinkOf = (thinking: z.output<typeof Thinking>, output: z.output<typeof Output>): Pick<Conversation, 'think'> => {
  if (thinking?.type === 'disabled') return { think: false };
  if (output?.effort !== undefined) return { think: output.effort };
  return thinking?.type === 'enabled' ? { think: true } : {};
};

const fields = {
  ...samplingFields,
  model: given(z.string()),
  messages: AnthropicMessages,
  system: AnthropicSystem,
  tools: AnthropicTools,
  tool_choice: AnthropicChoice,
  thinking: Thinking,
  output_config: Output,
  /** An older name for the format in `output_config`. */
  output_format: given(Format),
  max_tokens: count,
  stop_sequences: given(stopSchema),
  stream: given(z.boolean()),
  num_ctx: count,
  keep_alive: keepAliveSchema,
};

/** Names of the fields of a POST to /v1/messages; context_management only saves tokens. */
export const messagesFields: readonly string[] = [...Object.keys(fields), 'cache_control', 'context_management'];

/** The body of a POST to /v1/messages; count_tokens has the same without max_tokens. */
export const MessagesBody: z.ZodType<AnthropicRequest> = z
  .looseObject(fields)
  .superRefine((body, context) => {
    refuseUnsupported(body, {}, context);
    checkToolChoice(body.tools ?? [], body.tool_choice.toolChoice, context);
  })
  .transform(({ messages, system, tools, tool_choice, thinking, output_config, output_format, ...body }, context) => ({
    model: body.model,
    conversation: {
      messages: system === undefined ? messages : [{ role: 'system', content: system }, ...messages],
      ...(tools && { tools }),
      ...tool_choice,
      ...thinkOf(thinking, output_config),
    },
    stream: body.stream ?? false,
    keepAlive: body.keep_alive,
    generation: {
      sampling: samplingOf(body),
      maxTokens: body.max_tokens,
      thinkBudget: thinking?.budget_tokens,
      stop: [body.stop_sequences ?? []].flat().filter((text) => text !== ''),
      context: body.num_ctx,
      grammar: grammarIn({ response_format: output_config?.format ?? output_format }, context),
    },
  }));
