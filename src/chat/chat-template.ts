import { EngineError } from '../base/errors.ts';
import { LimitError } from '../jinja/errors.ts';
import type { Limits } from '../jinja/meter.ts';
import { Template } from '../jinja/template.ts';
import type { Conversation, Message } from './message.ts';
import { templateVariables } from './template-variables.ts';

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

/** Messages whose pairs are counted: some templates look back over all of them at each. */
const mostPaired = 500;

/**
 * Limits far beyond the needs of templates: of 68 real ones none took more than 6 steps and 20 bytes for a character of
 * its messages, nor more than 4 steps for a pair of them.
 */
function limitsFor(messages: readonly Message[], output: number): Limits {
  const characters = messages.reduce((sum, { content }) => sum + content.length, 0);
  const pairs = Math.min(messages.length, mostPaired) ** 2;
  return {
    steps: 1_000_000 + 20 * characters + 20 * pairs,
    output,
    memory: 2 ** 23 + 40 * characters + 64 * pairs,
  };
}

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
  readonly #template: Template;
  readonly #tokens: TemplateTokens;

  /** Template from `source`, Jinja as Hugging Face writes it. Throws TEMPLATE_FAILED. */
  constructor(source: string, tokens: TemplateTokens) {
    this.#tokens = tokens;
    try {
      this.#template = new Template(source);
    } catch (cause) {
      throw failed(cause);
    }
  }

  /**
   * The prompt, control tokens by name and often `bos` included. Where the template refuses a system message, its text
   * goes in front of the first user message. Throws TEMPLATE_FAILED, also for a template that takes too long or too
   * much memory.
   */
  render(conversation: Conversation, options: RenderOptions): string {
    const { messages } = conversation;
    try {
      return this.#run(conversation, options);
    } catch (cause) {
      if (cause instanceof LimitError || !messages.some(({ role }) => role === 'system')) throw failed(cause);
    }
    try {
      return this.#run({ ...conversation, messages: withoutSystem(messages) }, options);
    } catch (cause) {
      throw failed(cause);
    }
  }

  #run(conversation: Conversation, { addGenerationPrompt, mostLength }: RenderOptions): string {
    const variables = {
      bos_token: this.#tokens.bos,
      eos_token: this.#tokens.eos,
      add_generation_prompt: addGenerationPrompt,
      documents: null,
      ...templateVariables(conversation),
    };
    return this.#template.render(variables, { limits: limitsFor(conversation.messages, mostLength) });
  }
}
