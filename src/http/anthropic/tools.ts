import * as z from 'zod';
import type { Conversation, Tool } from '../../chat/message.ts';
import { given } from '../request/given.ts';
import { listOf } from '../request/lists.ts';
import { toolName } from '../request/tools.ts';

const AnthropicTool = z
  .looseObject({
    type: given(z.string()),
    name: toolName,
    description: given(z.string()),
    input_schema: given(z.looseObject({})),
    strict: given(z.boolean()),
  })
  .superRefine(({ type = 'custom' }, context) => {
    if (type === 'custom') return;
    const message = `tools of type "${type}" are not supported yet`;
    context.addIssue({ code: 'custom', path: ['type'], message, params: { code: 'not_supported' } });
  })
  .transform(
    ({ name, description, input_schema, strict }): Tool => ({
      name,
      description,
      parameters: input_schema,
      ...(strict && { strict }),
    }),
  );

/** Tools as Anthropic's clients define them. */
export const AnthropicTools: z.ZodType<readonly Tool[] | undefined> = given(listOf(AnthropicTool));

type Chosen = Pick<Conversation, 'toolChoice' | 'parallelToolCalls'>;

/** Whether tools are called, and how many at once. */
export const AnthropicChoice: z.ZodType<Chosen> = z
  .looseObject({
    type: z.enum(['auto', 'any', 'tool', 'none']),
    name: given(z.string()),
    disable_parallel_tool_use: given(z.boolean()),
  })
  .superRefine(({ type, name }, context) => {
    if (type === 'tool' && name === undefined) {
      context.addIssue({ code: 'custom', path: ['name'], message: 'expected a string' });
    }
  })
  .nullish()
  .transform((choice): Chosen => {
    if (!choice) return {};
    const { type, name = '', disable_parallel_tool_use } = choice;
    return {
      toolChoice: type === 'tool' ? { name } : type === 'any' ? 'required' : type,
      ...(disable_parallel_tool_use && { parallelToolCalls: false }),
    };
  });
