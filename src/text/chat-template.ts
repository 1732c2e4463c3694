import { Environment, Interpreter, Template } from '@huggingface/jinja';
import { EngineError } from '../base/errors.ts';
import { strftime } from './strftime.ts';

export interface Message {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

interface TemplateTokens {
  /** The names of the tokens that begin and end a text; empty where the model has none. */
  readonly bos: string;
  readonly eos: string;
}

interface RenderOptions {
  /** End with what makes the model answer. */
  readonly addGenerationPrompt: boolean;
}

// Far beyond what a template counts to; a damaged one must not fill the memory.
const longestRange = 2 ** 16;

/** Python's `range`. */
function range(from: number, to?: number, step = 1): number[] {
  const [start, stop] = to === undefined ? [0, from] : [from, to];
  const length = Math.max(0, Math.ceil((stop - start) / step));
  if (!(length <= longestRange)) throw new Error(`range(${start}, ${stop}, ${step}) is too long`);
  return Array.from({ length }, (_, i) => start + i * step);
}

/** What Hugging Face gives to every template. The package's own `strftime_now` speaks the user's language. */
const globals: Readonly<Record<string, unknown>> = {
  true: true,
  True: true,
  false: false,
  False: false,
  none: null,
  None: null,
  range,
  raise_exception: (reason: string): never => {
    throw new Error(reason);
  },
  strftime_now: (format: string): string => strftime(new Date(), format),
};

const failed = (cause: unknown): EngineError =>
  new EngineError('TEMPLATE_FAILED', { reason: (cause as Error).message }, { cause });

/** The system text in front of the first user message, for templates that know no system role. */
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

  /** `source` is Jinja as Hugging Face writes it. Throws TEMPLATE_FAILED. */
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
   * goes in front of the first user message. Throws TEMPLATE_FAILED.
   */
  render(messages: readonly Message[], options: RenderOptions): string {
    try {
      return this.#run(messages, options);
    } catch (cause) {
      if (!messages.some(({ role }) => role === 'system')) throw failed(cause);
    }
    try {
      return this.#run(withoutSystem(messages), options);
    } catch (cause) {
      throw failed(cause);
    }
  }

  #run(messages: readonly Message[], { addGenerationPrompt }: RenderOptions): string {
    const environment = new Environment();
    const variables = {
      ...globals,
      messages: messages.map((message) => ({ ...message })),
      bos_token: this.#tokens.bos,
      eos_token: this.#tokens.eos,
      add_generation_prompt: addGenerationPrompt,
      tools: null,
      documents: null,
    };
    for (const [name, value] of Object.entries(variables)) environment.set(name, value);
    return String(new Interpreter(environment).run(this.#template.parsed).value);
  }
}
