import { EngineError } from '../base/errors.ts';
import { LimitError } from '../jinja/errors.ts';
import type { Limits } from '../jinja/meter.ts';
import { Template } from '../jinja/template.ts';
import type { Conversation, Message } from './message.ts';
import { templateVariables } from './template-variables.ts';
import { adaptTools, shownTools, type ToolForm, usesTools } from './tools/adapt-tools.ts';
import { structures } from './tools/call-format.ts';
import type { ReadableCalls } from './tools/call-reader.ts';
import { callFormatOf } from './tools/recognize-format.ts';
import { type CallForm, toolSupportOf } from './tools/tool-support.ts';

interface TemplateTokens {
  /** The names of the tokens that begin and end a text; empty where the model has none. */
  readonly bos: string;
  readonly eos: string;
}

interface RenderOptions {
  /** Ends the prompt with the tokens that make the model answer. */
  readonly addGenerationPrompt: boolean;
  /** UTF-16 units that the context could hold; a longer prompt is refused before it is made. */
  readonly mostLength: number;
}

/** Options for the small conversations that show how far a template knows tools. */
const probing: RenderOptions = { addGenerationPrompt: true, mostLength: 2 ** 20 };

/** Messages whose pairs are counted: some templates look back over all of them at each. */
const mostPaired = 500;

/**
 * Limits far beyond the needs of templates: of 68 real ones none took more than 6 steps and 20 bytes for a character of
 * its messages, nor more than 4 steps for a pair of them.
 */
function limitsFor(conversation: Conversation, output: number): Limits {
  const characters = charactersOf(conversation);
  const pairs = Math.min(conversation.messages.length, mostPaired) ** 2;
  return {
    steps: 1_000_000 + 20 * characters + 20 * pairs,
    output,
    memory: 2 ** 23 + 40 * characters + 64 * pairs,
  };
}

/** UTF-16 units of a conversation that templates handle. */
const charactersOf = ({ messages, tools = [] }: Conversation): number =>
  messages.reduce(
    (sum, { content, toolCalls = [] }) =>
      toolCalls.reduce((sum, call) => sum + call.arguments.length, sum + content.length),
    tools.length === 0 ? 0 : JSON.stringify(tools).length,
  );

const failed = (cause: unknown): EngineError =>
  new EngineError('TEMPLATE_FAILED', { reason: (cause as Error).message }, { cause });

/** Moves the system text in front of the first user message, for templates that know no system role. */
function withoutSystem(messages: readonly Message[]): readonly Message[] {
  const system = messages.filter(({ role }) => role === 'system').map(({ content }) => content);
  const others = messages.filter(({ role }) => role !== 'system');
  const first = others.findIndex(({ role }) => role === 'user');
  const merged = [...system, ...others.slice(first, first + 1).map(({ content }) => content)].join('\n\n');
  return first < 0
    ? [{ role: 'user', content: merged }, ...others]
    : others.with(first, { role: 'user', content: merged });
}

/** A model's own chat template: messages to the text of a prompt. */
export class ChatTemplate {
  readonly #source: string;
  readonly #template: Template;
  readonly #tokens: TemplateTokens;
  #toolForm: ToolForm | undefined;

  /** Template from `source`, Jinja as Hugging Face writes it. Throws TEMPLATE_FAILED. */
  constructor(source: string, tokens: TemplateTokens) {
    this.#source = source;
    this.#tokens = tokens;
    try {
      this.#template = new Template(source);
    } catch (cause) {
      throw failed(cause);
    }
  }

  /** The way in which the model is told of tools, and calls them. Throws TEMPLATE_FAILED. */
  get #tools(): ToolForm {
    try {
      this.#toolForm ??= {
        support: toolSupportOf((conversation, form) => this.#run(conversation, probing, form)),
        format: callFormatOf(this.#source),
      };
      return this.#toolForm;
    } catch (cause) {
      throw failed(cause);
    }
  }

  /** Calls that the answer to a conversation may have; undefined for none. Throws TEMPLATE_FAILED. */
  callsIn(conversation: Conversation): ReadableCalls | undefined {
    const { toolChoice: choice = 'auto', parallelToolCalls: parallel = true } = conversation;
    const tools = shownTools(conversation);
    const format = callFormatOf(this.#source);
    return tools.length > 0 || structures(format) ? { format, tools, choice, parallel } : undefined;
  }

  /**
   * The prompt, control tokens by name and often `bos` included. Where the template refuses a system message, its text
   * goes in front of the first user message. Throws TEMPLATE_FAILED, also for a template that takes too long or too
   * much memory.
   */
  render(given: Conversation, options: RenderOptions): string {
    const tools = usesTools(given) ? this.#tools : undefined;
    const conversation = tools ? adaptTools(given, tools) : given;
    const form = tools?.support.calls;
    const { messages } = conversation;
    try {
      return this.#run(conversation, options, form);
    } catch (cause) {
      if (cause instanceof LimitError || !messages.some(({ role }) => role === 'system')) throw failed(cause);
    }
    try {
      return this.#run({ ...conversation, messages: withoutSystem(messages) }, options, form);
    } catch (cause) {
      throw failed(cause);
    }
  }

  #run(conversation: Conversation, { addGenerationPrompt, mostLength }: RenderOptions, form?: CallForm): string {
    const variables = {
      bos_token: this.#tokens.bos,
      eos_token: this.#tokens.eos,
      add_generation_prompt: addGenerationPrompt,
      documents: null,
      ...templateVariables(conversation, form),
    };
    return this.#template.render(variables, { limits: limitsFor(conversation, mostLength) });
  }
}
