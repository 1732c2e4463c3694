import * as z from 'zod';
import type { Tool, ToolChoice } from '../../chat/message.ts';
import { given } from '../request/given.ts';
import { listOf } from '../request/lists.ts';
import { parsedBy } from '../request/parsed-by.ts';
import { toolName } from '../request/tools.ts';

const FunctionTool = z.looseObject({
  name: toolName,
  description: given(z.string()),
  parameters: given(z.looseObject({})),
  strict: given(z.boolean()),
});

/** Tools of a request. Those that OpenAI itself runs (a search of the web, say) nobody runs here: they are left out. */
export interface RequestTools {
  readonly tools: readonly Tool[];
  /** Types of tools that are left out. */
  readonly skipped: readonly string[];
}

const AnyTool = z.looseObject({ type: z.string() }).transform((tool, context): Tool | string => {
  if (tool.type !== 'function') return tool.type;
  const data = parsedBy(FunctionTool, tool, context);
  if (!data) return z.NEVER;
  const { name, description, parameters, strict } = data;
  return { name, description, parameters, ...(strict && { strict }) };
});

/** Tools as clients of Responses define them. */
export const ResponsesTools: z.ZodType<RequestTools> = given(listOf(AnyTool)).transform((tools = []) => ({
  tools: tools.filter((tool) => typeof tool !== 'string'),
  skipped: tools.filter((tool) => typeof tool === 'string'),
}));

/** The choice among tools: all of a request, or some that it names. */
export interface RequestChoice {
  readonly choice: ToolChoice | undefined;
  readonly names: readonly string[] | undefined;
}

const Modes = z.enum(['auto', 'none', 'required']);
const Named = z.looseObject({ type: z.literal('function'), name: z.string() });
const Allowed = z.looseObject({ type: z.literal('allowed_tools'), mode: Modes, tools: listOf(Named) });

export const ResponsesChoice: z.ZodType<RequestChoice> = z
  .union([Modes, Named, Allowed], 'expected "auto", "none", "required", a function or allowed tools')
  .nullish()
  .transform((choice) => {
    if (!choice) return { choice: undefined, names: undefined };
    if (typeof choice === 'string') return { choice, names: undefined };
    if (choice.type === 'function') return { choice: { name: choice.name }, names: undefined };
    return { choice: choice.mode, names: choice.tools.map(({ name }) => name) };
  });
