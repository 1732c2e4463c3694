import { toUSVString } from 'node:util';
import { attempt } from '../base/attempt.ts';
import { EngineError } from '../base/errors.ts';
import { LimitError, TemplateError } from '../jinja/errors.ts';
import { Lexer } from '../jinja/lexer.ts';
import { Template } from '../jinja/template.ts';
import type { ControlToken, PromptPart } from '../text/control-tokens.ts';
import { type BegunAnswer, begunAnswer } from './begun-answer.ts';
import { ControlMarks, endMark } from './control-marks.ts';
import { droppedMessages, saidTexts } from './dropped-messages.ts';
import { acceptableForms, isKnown } from './merge-roles.ts';
import type { Conversation, Message } from './message.ts';
import { isGoTemplate, OllamaTemplate } from './ollama-template.ts';
import { roleOf } from './roles.ts';
import { limitsFor } from './template-limits.ts';
import { rareVariables, templateVariables, type VariableForm } from './template-variables.ts';
import { opensThoughts, thoughtTagsOf } from './thought-tags.ts';
import { adaptTools, shownTools, type ToolForm, usesTools } from './tools/adapt-tools.ts';
import { structures, textsOf } from './tools/call-format.ts';
import type { ReadableCalls } from './tools/call-reader.ts';
import { callFormatOf } from './tools/recognize-format.ts';
import { type CallForm, toolSupportOf } from './tools/tool-support.ts';

/** A vocabulary, as far as templates know of it. */
export interface TemplateVocabulary {
  /** The names of the tokens that begin and end a text; empty where the model has none. */
  readonly bos: string;
  readonly eos: string;
  readonly controls: readonly ControlToken[];
}

interface RunOptions {
  /** Ends the prompt with the tokens that make the model answer. */
  readonly addGenerationPrompt: boolean;
  /** UTF-16 units that the context could hold; a longer prompt is refused before it is made. */
  readonly mostLength: number;
}

type RenderOptions = Pick<RunOptions, 'mostLength'>;

/** A conversation as a prompt. */
export interface RenderedPrompt {
  readonly text: string;
  /** The text in parts, since names of control tokens in messages are text. */
  readonly parts: readonly PromptPart[];
  /** The begin of the answer, which is given. */
  readonly begun?: BegunAnswer | undefined;
  /** The messages whose text the template leaves out. */
  readonly dropped: readonly Message[];
}

/** Options for the small conversations that show how far a template knows tools. */
const probing: RunOptions = { addGenerationPrompt: true, mostLength: 2 ** 20 };

const failed = (cause: unknown): EngineError =>
  new EngineError('TEMPLATE_FAILED', { reason: (cause as Error).message }, { cause });

/** A model's own chat template: messages to the text of a prompt. */
export class ChatTemplate {
  readonly source: string;
  readonly #template: Template | OllamaTemplate;
  readonly #vocabulary: TemplateVocabulary;
  readonly #marks: ControlMarks;
  #literals: readonly string[] | undefined;
  #toolForm: ToolForm | undefined;

  /** Template from `source`: Jinja as Hugging Face writes it, or Go's notation as Ollama does. Throws TEMPLATE_FAILED. */
  constructor(source: string, vocabulary: TemplateVocabulary) {
    this.source = source;
    this.#vocabulary = vocabulary;
    this.#marks = new ControlMarks(vocabulary.controls);
    try {
      this.#template = isGoTemplate(source) ? new OllamaTemplate(source) : new Template(source);
    } catch (cause) {
      throw failed(cause);
    }
  }

  /** The way in which the model is told of tools, and calls them. Throws TEMPLATE_FAILED. */
  get #tools(): ToolForm {
    try {
      this.#toolForm ??= {
        support: toolSupportOf((conversation, form) => this.#run(conversation, probing, { form })),
        format: callFormatOf(this.source),
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
    const format = callFormatOf(this.source);
    return tools.length > 0 || structures(format) ? { format, tools, choice, parallel } : undefined;
  }

  /**
   * The prompt, control tokens by name and often `bos` included; it ends with the begin of an answer that is given. A
   * template that refuses the messages gets them in a form that it takes: see `acceptableForms`. Throws TEMPLATE_FAILED,
   * also for a template that takes too long or too much memory.
   */
  render(given: Conversation, { mostLength }: RenderOptions): RenderedPrompt {
    const tools = usesTools(given) ? this.#tools : undefined;
    const conversation = wellFormed(tools ? adaptTools(given, tools) : given);
    const form = tools?.support.calls;
    const { addGenerationPrompt = true } = conversation;
    const begun = begunAnswer(conversation);
    if (!begun) return this.#rendered(conversation, { addGenerationPrompt, mostLength }, form);
    if (begun.text === '') return this.#rendered(begun.before, { addGenerationPrompt: true, mostLength }, form);
    try {
      const rendered = this.#rendered(begun.marked, { addGenerationPrompt: false, mostLength }, form);
      if (rendered.text.includes(endMark)) return { ...this.#cut(rendered), begun };
    } catch (error) {
      if (!(error instanceof EngineError) || error.cause instanceof LimitError) throw error;
    }
    // A template that does not show the last message, or takes none of the assistant there, gets it behind the prompt.
    const rendered = this.#rendered(begun.before, { addGenerationPrompt: true, mostLength }, form);
    const text = conversation.parseSpecial ? begun.text : this.#marks.mark(begun.text);
    const marked = rendered.marked + this.#tagBetween(rendered.text, begun) + text;
    return { ...this.#prompt(marked, rendered.dropped), begun };
  }

  /** The tag of thoughts that has to come between a prompt and the begin of its answer: thoughts that no text shall be in. */
  #tagBetween(prompt: string, { kind }: BegunAnswer): string {
    const tags = thoughtTagsOf(this.source);
    if (!tags || opensThoughts(prompt, tags) === (kind === 'thinking')) return '';
    return kind === 'thinking' ? tags.open : `\n${tags.close}\n\n`;
  }

  /** A prompt without what follows the begin of the answer. */
  #cut({ marked, dropped }: MarkedPrompt): RenderedPrompt {
    return this.#prompt(marked.slice(0, marked.lastIndexOf(endMark)), dropped);
  }

  #prompt(marked: string, dropped: readonly Message[]): MarkedPrompt {
    return { marked, text: this.#marks.unmark(marked), parts: this.#marks.parts(marked), dropped };
  }

  #rendered(conversation: Conversation, options: RunOptions, form: CallForm | undefined): MarkedPrompt {
    return this.#marked(this.#accepted(conversation, options, form), options, form);
  }

  /** The first form of the messages that the template takes, and whose messages it shows. Throws TEMPLATE_FAILED. */
  #accepted(conversation: Conversation, options: RunOptions, form: CallForm | undefined): AcceptedForm {
    let first: { readonly accepted?: AcceptedForm; readonly cause?: unknown } | undefined;
    for (const messages of acceptableForms(conversation)) {
      const one = { ...conversation, messages };
      try {
        const text = this.#run(one, options, { form });
        const accepted = { conversation: one, text, dropped: droppedMessages(messages, text) };
        if (accepted.dropped.every(({ role }) => isKnown(role))) return accepted;
        first ??= { accepted };
      } catch (cause) {
        if (cause instanceof LimitError) throw failed(cause);
        first ??= { cause };
      }
    }
    if (first?.accepted) return first.accepted;
    throw failed(first?.cause);
  }

  /**
   * The prompt `text` of a conversation with marks where they matter. A template that looks at marked characters in a
   * message makes another text of it: texts that its source speaks of are then left as they are, unless they are control
   * tokens.
   */
  #marked(accepted: AcceptedForm, options: RunOptions, form: CallForm | undefined): MarkedPrompt {
    const { conversation, text, dropped } = accepted;
    const marks = this.#marks;
    const said = saidTexts(conversation);
    if (conversation.parseSpecial || !said.some((one) => marks.touches(one))) return this.#prompt(text, dropped);
    const spared = this.#sparedOf(conversation);
    let last: string | undefined;
    for (const more of [[], this.#spoken]) {
      const mark = (one: string, role: string): string => marks.mark(one, [...spared(role), ...more]);
      last = this.#tryRun(conversation, options, { form, mark });
      if (last === undefined) continue;
      if (marks.unmark(last) === text) return this.#prompt(last, dropped);
      // The template has made another text of marked messages, but no control token came from them.
      if (marks.hasSameControls(last, text)) return this.#prompt(text, dropped);
    }
    if (last !== undefined) return this.#prompt(last, dropped);
    if (said.some((one) => marks.names(one))) throw failed(new Error('it refuses the names of control tokens'));
    return this.#prompt(text, dropped);
  }

  /** Control tokens that messages of a role may have: tags of thoughts, and of calls that `adaptTools` has written. */
  #sparedOf(conversation: Conversation): (role: string) => readonly string[] {
    const thoughts = thoughtTagsOf(this.source);
    const tags = thoughts ? [thoughts.open, thoughts.close] : [];
    const calls = usesTools(conversation) || conversation.tools ? textsOf(this.#tools.format) : [];
    return (role) => (role === 'assistant' ? [...tags, ...calls] : role === 'system' ? calls : []);
  }

  /** Texts that the template's source speaks of, and looks for in messages perhaps. */
  get #spoken(): readonly string[] {
    const marks = this.#marks;
    const literals = this.#template instanceof OllamaTemplate ? this.#template.literals : literalsOf(this.source);
    this.#literals ??= literals.filter((text) => text.length > 1 && marks.touches(text) && !marks.names(text));
    return this.#literals;
  }

  #tryRun(conversation: Conversation, options: RunOptions, how: VariableForm): string | undefined {
    try {
      return this.#run(conversation, options, how);
    } catch (error) {
      if (error instanceof TemplateError) return undefined;
      throw error;
    }
  }

  #run(conversation: Conversation, { addGenerationPrompt, mostLength }: RunOptions, how: VariableForm): string {
    const variables = {
      bos_token: this.#vocabulary.bos,
      eos_token: this.#vocabulary.eos,
      add_generation_prompt: addGenerationPrompt,
      documents: null,
      ...templateVariables(conversation, how),
    };
    const settings = { limits: limitsFor(conversation, mostLength) };
    try {
      return this.#template.render(variables, settings);
    } catch (error) {
      if (!(error instanceof TemplateError) || error instanceof LimitError) throw error;
      const rare = rareVariables(variables, new Date());
      const isOther = ([name, value]: readonly [string, unknown]): boolean =>
        (variables as Readonly<Record<string, unknown>>)[name] !== value && this.source.includes(name);
      // A template that speaks of none of them refuses the others for the same reason.
      if (!Object.entries(rare).some(isOther)) throw error;
      const text = attempt(() => this.#template.render({ ...variables, ...rare }, settings));
      if (text === undefined) throw error;
      return text;
    }
  }
}

/** A form of a conversation that the template takes, and its prompt. */
interface AcceptedForm {
  readonly conversation: Conversation;
  readonly text: string;
  readonly dropped: readonly Message[];
}

interface MarkedPrompt extends RenderedPrompt {
  /** The text with marks: see `ControlMarks`. */
  readonly marked: string;
}

/** Strings in a template's source. */
function literalsOf(source: string): readonly string[] {
  const lexer = new Lexer(source);
  const literals = new Set<string>();
  for (let token = lexer.next(); token.type !== 'end'; token = lexer.next()) {
    if (token.type === 'string' && token.value.length > 1) literals.add(token.value);
  }
  return [...literals];
}

/** A conversation whose texts have no halves of characters, which would be taken for marks. */
const wellFormed = (conversation: Conversation): Conversation => ({
  ...conversation,
  messages: conversation.messages.map((message) => ({
    ...message,
    role: roleOf(message.role),
    content: toUSVString(message.content),
    ...(message.thinking !== undefined && { thinking: toUSVString(message.thinking) }),
  })),
});
