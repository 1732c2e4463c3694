import { EngineError } from '../base/errors.ts';
import { ChatTemplate } from '../chat/chat-template.ts';
import { type ChatPrompt, conversationOf } from '../chat/message.ts';
import type { Metadata } from '../gguf/metadata.ts';
import type { Vocabulary } from '../text/vocabulary.ts';

const templateKey = 'tokenizer.chat_template';
/** Characters that no token has (128 in Llama 3's longest). Asking a vocabulary takes a tenth of a second. */
const longestToken = 1024;

/** Tokens of prompts, by a model's chat template and its vocabulary: no more of them than there is room for. */
export class PromptTokenizer {
  readonly #metadata: Metadata;
  readonly #vocabulary: Vocabulary;
  #template: ChatTemplate | undefined;

  constructor(metadata: Metadata, vocabulary: Vocabulary) {
    this.#metadata = metadata;
    this.#vocabulary = vocabulary;
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
   * A prompt as tokens: messages through the template, a text as it is. Throws TEMPLATE_FAILED, and CONTEXT_TOO_LONG as
   * soon as there are more than `most` tokens.
   */
  tokenize(prompt: string | ChatPrompt, most: number): number[] {
    if (typeof prompt === 'string') {
      return this.#vocabulary.tokenize(prompt, { addSpecial: true, parseSpecial: true, most });
    }
    const { messages } = conversationOf(prompt);
    const units = messages.reduce((sum, { content }) => sum + content.trim().length, 0);
    this.checkLength(units, most);
    const text = this.render(prompt, most);
    // A template that writes the beginning-of-text token itself must not get a second one.
    const { bos } = this.#specialTexts();
    const addSpecial = bos === '' || !text.startsWith(bos);
    return this.#vocabulary.tokenize(text, { addSpecial, parseSpecial: true, most });
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
