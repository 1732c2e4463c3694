import { EngineError } from '../base/errors.ts';
import { type AnswerFormat, plainFormat } from '../chat/answer-reader.ts';
import { ChatTemplate, type RenderedPrompt } from '../chat/chat-template.ts';
import { type ChatPrompt, type Conversation, conversationOf } from '../chat/message.ts';
import { chatMl } from '../chat/named-templates.ts';
import { sourceFor, type TemplateSources, templateSourcesOf } from '../chat/template-sources.ts';
import { canThink, opensThoughts, thoughtTagsOf } from '../chat/thought-tags.ts';
import type { Metadata } from '../gguf/metadata.ts';
import { controlTokensOf, tokenizeParts } from '../text/control-tokens.ts';
import type { Vocabulary } from '../text/vocabulary.ts';
import type { Preset } from './preset.ts';

/** Characters that no token has (128 in Llama 3's longest). Asking a vocabulary takes a tenth of a second. */
const longestToken = 1024;

/**
 * Tokens of a prompt, and the form in which the model answers it.
 *
 * @example const prompt: PreparedPrompt = model.prepare([{ role: 'user', content: 'Hi' }]);
 */
export interface PreparedPrompt {
  readonly tokens: readonly number[];
  /** @internal */
  readonly answer: AnswerFormat;
  /** Reasons for which the model sees the prompt otherwise than it is given. */
  readonly warnings?: readonly string[];
}

interface PromptOptions {
  /** Source of a chat template in place of the model's own. */
  readonly chatTemplate?: string | undefined;
  readonly preset?: Preset | undefined;
  /** Whether the model thinks, or how much, where a conversation does not say. */
  readonly think?: boolean | string | undefined;
  /** Hears of messages that the model does not see as they are. */
  readonly warn?: ((reason: Error) => void) | undefined;
}

const withoutTemplate = 'the model has no chat template, so ChatML is used, which may not suit it';
const dropped = (role: string): string =>
  `the chat template leaves out messages of the role "${role}": the model does not see them`;

const behindLast = (text: string, mark: string): string =>
  text.slice(text.lastIndexOf(mark) < 0 ? 0 : text.lastIndexOf(mark) + mark.length);

/** Tokens of prompts, by a model's chat template and its vocabulary: no more of them than there is room for. */
export class PromptTokenizer {
  readonly #sources: TemplateSources;
  readonly #preset: Preset | undefined;
  readonly #think: boolean | string | undefined;
  readonly #vocabulary: Vocabulary;
  readonly #warn: (reason: string) => void;
  /** The model's templates that conversations have needed, by their source. */
  readonly #templates: Map<string, ChatTemplate> = new Map();
  /** The last template that a conversation brought. */
  #brought: ChatTemplate | undefined;

  constructor(metadata: Metadata, vocabulary: Vocabulary, { chatTemplate, preset, think, warn }: PromptOptions = {}) {
    this.#preset = preset;
    this.#think = think;
    this.#sources = templateSourcesOf(metadata, chatTemplate ?? preset?.template);
    this.#vocabulary = vocabulary;
    const told = new Set<string>();
    this.#warn = (reason) => {
      if (!told.has(reason)) warn?.(new Error(reason));
      told.add(reason);
    };
  }

  /** True if the model has a chat template; else messages are made into a prompt by ChatML. */
  get hasTemplate(): boolean {
    return this.#sources.plain !== undefined;
  }

  /** True if the model's template knows thoughts. */
  get thinks(): boolean {
    return this.#sources.plain !== undefined && canThink(this.#sources.plain);
  }

  /** Messages through the template, up to the begin of the answer, for `most` tokens. Throws TEMPLATE_FAILED. */
  render(prompt: ChatPrompt, most: number): RenderedPrompt {
    return this.#render(this.#conversationOf(prompt), most).rendered;
  }

  /** A conversation behind the messages that come with the model, with what it does not say itself. */
  #conversationOf(prompt: ChatPrompt): Conversation {
    const conversation = conversationOf(prompt);
    const { system, messages: earlier = [] } = this.#preset ?? {};
    const messages = [...earlier, ...conversation.messages];
    const bare = system === undefined || system === '' || messages[0]?.role === 'system';
    const think = conversation.think ?? this.#think;
    return { ...conversation, think, messages: bare ? messages : [{ role: 'system', content: system }, ...messages] };
  }

  #render(
    conversation: Conversation,
    most: number,
  ): { readonly rendered: RenderedPrompt; readonly warnings: readonly string[] } {
    const bare = !this.hasTemplate && conversation.chatTemplate === undefined;
    if (bare) this.#warn(`${withoutTemplate}: --chat-template gives another`);
    const rendered = this.#templateFor(conversation).render(conversation, { mostLength: most * longestToken });
    const losses = [...new Set(rendered.dropped.map(({ role }) => dropped(role)))];
    for (const loss of losses) this.#warn(loss);
    return { rendered, warnings: [...(bare ? [withoutTemplate] : []), ...losses] };
  }

  /**
   * A prompt as tokens: a conversation through the template, a text as it is. Throws TEMPLATE_FAILED, and
   * CONTEXT_TOO_LONG as soon as there are more than `most` tokens.
   */
  prepare(prompt: string | ChatPrompt, most: number): PreparedPrompt {
    if (typeof prompt === 'string') {
      const tokens = this.#vocabulary.tokenize(prompt, { addSpecial: true, parseSpecial: true, most });
      return { tokens, answer: plainFormat };
    }
    const conversation = this.#conversationOf(prompt);
    const { messages } = conversation;
    const units = messages.reduce((sum, { content }) => sum + content.trim().length, 0);
    this.checkLength(units, most);
    const { rendered, warnings } = this.#render(conversation, most);
    // A template that writes the beginning-of-text token itself must not get a second one.
    const bos = this.#nameOf(this.#vocabulary.bos);
    const addSpecial = bos === '' || !rendered.text.startsWith(bos);
    const tokens = tokenizeParts(this.#vocabulary, rendered.parts, { addSpecial, most });
    return { tokens, answer: this.#answerTo(conversation, rendered), warnings };
  }

  #answerTo(conversation: Conversation, { text, begun }: RenderedPrompt): AnswerFormat {
    const template = this.#templateFor(conversation);
    const thoughts = thoughtTagsOf(template.source);
    const calls = template.callsIn(conversation);
    return {
      ...(begun?.kind === 'thinking' && { opened: true }),
      ...(thoughts && { thoughts, opened: opensThoughts(text, thoughts, begun) }),
      ...(begun && { begun: thoughts ? behindLast(begun.text, thoughts.close) : begun.text }),
      ...(calls && { calls }),
    };
  }

  #templateFor(conversation: Conversation): ChatTemplate {
    const { chatTemplate } = conversation;
    if (chatTemplate !== undefined) {
      if (this.#brought?.source !== chatTemplate) this.#brought = this.#templateFrom(chatTemplate);
      return this.#brought;
    }
    const source = sourceFor(this.#sources, conversation) ?? chatMl;
    const template = this.#templates.get(source) ?? this.#templateFrom(source);
    this.#templates.set(source, template);
    return template;
  }

  /** The most UTF-16 units that so many tokens can stand for: none stands for more than its bytes. */
  mostUnits(tokens: number): number {
    return tokens * Math.max(1, this.#vocabulary.longestPiece());
  }

  /** Throws CONTEXT_TOO_LONG if a text of so many UTF-16 units must have more than `most` tokens. */
  checkLength(units: number, most: number): void {
    if (units <= most || units <= this.mostUnits(most)) return;
    const prompt = Math.ceil(units / this.mostUnits(1));
    throw new EngineError('CONTEXT_TOO_LONG', { prompt, context: most, atLeast: true });
  }

  #templateFrom(source: string): ChatTemplate {
    const { bos, eos } = this.#vocabulary;
    const controls = controlTokensOf(this.#vocabulary);
    return new ChatTemplate(source, { bos: this.#nameOf(bos), eos: this.#nameOf(eos), controls });
  }

  #nameOf(token: number | undefined): string {
    return token === undefined ? '' : new TextDecoder().decode(this.#vocabulary.piece(token, { special: true }));
  }
}
