import * as z from 'zod';
import type { Conversation, Tool, ToolChoice } from '../../chat/message.ts';
import { listOf } from './lists.ts';

/** Fields of a body that say which tools the model may call, at OpenAI's and at Ollama's endpoints. */
export interface ToolFields {
  readonly tools: readonly Tool[];
  readonly tool_choice: ToolChoice | undefined;
  /** Whether an answer may have several calls. */
  readonly parallel_tool_calls: boolean | undefined;
}

/** The name of a tool: without the signs that end names in the formats of calls, quotes, brackets and white space. */
export const toolName: z.ZodType<string> = z
  .string()
  .min(1)
  .regex(
    /^[^\s\p{Cc}\p{Cs}"'`\\<>()[\]{}|]*$/u,
    'expected a name without white space, control characters, quotes, backslashes, brackets and "|"',
  );

const ToolObject = z.looseObject({
  type: z.literal('function').nullish(),
  function: z.looseObject({
    name: toolName,
    description: z.string().nullish(),
    parameters: z.record(z.string(), z.unknown()).nullish(),
    strict: z.boolean().nullish(),
  }),
});

const toolSchema = ToolObject.transform(
  ({ function: { name, description, parameters, strict } }): Tool => ({
    name,
    ...(description && { description }),
    ...(parameters && { parameters }),
    ...(strict && { strict }),
  }),
);

const Named = z.looseObject({ type: z.literal('function'), function: z.looseObject({ name: z.string() }) });
const Choice = z.union(
  [z.enum(['auto', 'none', 'required']), Named],
  'expected "auto", "none", "required" or {"type":"function","function":{"name":…}}',
);

export const toolFields: { readonly [K in keyof ToolFields]: z.ZodType<ToolFields[K]> } = {
  tools: listOf(toolSchema)
    .nullish()
    .transform((tools) => tools ?? []),
  tool_choice: Choice.nullish().transform((choice): ToolChoice | undefined =>
    typeof choice === 'object' && choice !== null ? { name: choice.function.name } : (choice ?? undefined),
  ),
  parallel_tool_calls: z
    .boolean()
    .nullish()
    .transform((parallel) => parallel ?? undefined),
};

/** Characters of a name in a message. */
const longestShown = 64;

/** Refuses a choice of a tool that is not there. */
export function checkToolChoice(
  tools: readonly Tool[],
  choice: ToolChoice | undefined,
  context: z.core.$RefinementCtx,
): void {
  const message =
    choice === 'required' && tools.length === 0
      ? 'expected tools to choose from'
      : typeof choice === 'object' && !tools.some(({ name }) => name === choice.name)
        ? `none of the tools is called ${JSON.stringify(choice.name.slice(0, longestShown))}`
        : undefined;
  if (message !== undefined) context.addIssue({ code: 'custom', path: ['tool_choice'], message });
}

/** The tools of a conversation in a body. */
export const toolsIn = ({ tools, tool_choice, parallel_tool_calls }: ToolFields): Partial<Conversation> => ({
  ...(tools.length > 0 && { tools }),
  ...(tool_choice !== undefined && { toolChoice: tool_choice }),
  ...(parallel_tool_calls !== undefined && { parallelToolCalls: parallel_tool_calls }),
});
