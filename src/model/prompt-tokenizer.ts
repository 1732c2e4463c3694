import { EngineError } from '../base/errors.ts';
import { type AnswerFormat, plainFormat } from '../chat/answer-reader.ts';
import { ChatTemplate } from '../chat/chat-template.ts';
import { type ChatPrompt, type Conversation, conversationOf } from '../chat/message.ts';
import { opensThoughts, type ThoughtTags, thoughtTagsOf } from '../chat/thought-tags.ts';
import type { Metadata } from '../gguf/metadata.ts';
import type { Vocabulary } from '../text/vocabulary.ts';

const templateKey = 'tokenizer.chat_template';
/** Characters that no token has (128 in Llama 3's longest). Asking a vocabulary takes a tenth of a second. */
const longestToken = 1024;

/**
 * Tokens of a prompt, and the form in which the model answers it.
 *
 * @example const prompt: PreparedPrompt = model.prepare([{ role: 'user', content: 'Hi' }]);
 */
export interface PreparedPrompt {
  readonly tokens: readonly number[];
  readonly answer: AnswerFormat;
}

/** Tokens of prompts, by a model's chat template and its vocabulary: no more of them than there is room for. */
export class PromptTokenizer {
  readonly #metadata: Metadata;
  readonly #vocabulary: Vocabulary;
  readonly #thoughts: ThoughtTags | undefined;
  #template: ChatTemplate | undefined;

  constructor(metadata: Metadata, vocabulary: Vocabulary) {
    this.#metadata = metadata;
    this.#vocabulary = vocabulary;
    this.#thoughts = thoughtTagsOf(metadata.string(templateKey, ''));
  }

  /** True if the model has a chat template: messages can be made into a prompt. */
  get hasTemplate(): boolean {
    return this.#metadata.has(templateKey);
  }

  /** Messages through the template, up to the begin of the answer, for `most` tokens. Throws TEMPLATE_FAILED. */
  render(prompt: ChatPrompt, most: number): string {
    const source = this.#metadata.string(templateKey, undefined);
    if (source === undefined) throw new EngineError('TEMPLATE_FAILED', { reason: 'the model has none' });
    this.#template ??= new ChatTemplate(source, this.#specialTexts());
    return this.#template.render(conversationOf(prompt), {
      addGenerationPrompt: true,
      mostLength: most * longestToken,
    });
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
    const conversation = conversationOf(prompt);
    const { messages } = conversation;
    const units = messages.reduce((sum, { content }) => sum + content.trim().length, 0);
    this.checkLength(units, most);
    const text = this.render(prompt, most);
    // A template that writes the beginning-of-text token itself must not get a second one.
    const { bos } = this.#specialTexts();
    const addSpecial = bos === '' || !text.startsWith(bos);
    const tokens = this.#vocabulary.tokenize(text, { addSpecial, parseSpecial: true, most });
    return { tokens, answer: this.#answerTo(conversation, text) };
  }

  #answerTo(conversation: Conversation, prompt: string): AnswerFormat {
    const thoughts = this.#thoughts;
    const calls = this.#template?.callsIn(conversation);
    return {
      ...(thoughts && { thoughts, opened: opensThoughts(prompt, thoughts) }),
      ...(calls && { calls }),
    };
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

  #specialTexts(): { bos: string; eos: string } {
    const text = (token: number | undefined): string =>
      token === undefined ? '' : new TextDecoder().decode(this.#vocabulary.piece(token, { special: true }));
    return { bos: text(this.#vocabulary.bos), eos: text(this.#vocabulary.eos) };
  }
}
