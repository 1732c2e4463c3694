import type { Message } from '../../text/chat-template.ts';
import type { Parameters } from '../options/parameters.ts';

/** What was said so far, and how the next answer is to be. Only what was answered becomes part of it. */
export class Conversation {
  /** Instructions that come before everything; undefined for none. */
  system: string | undefined;
  parameters: Parameters;
  #turns: Message[] = [];
  #tokens = 0;

  constructor(system: string | undefined, parameters: Parameters) {
    this.system = system;
    this.parameters = parameters;
  }

  get turns(): readonly Message[] {
    return this.#turns;
  }

  /** What the last prompt and its answer took of the context. */
  get tokens(): number {
    return this.#tokens;
  }

  /** What the model is to answer if `text` is said next. */
  messagesWith(text: string): readonly Message[] {
    const { system } = this;
    const user: Message = { role: 'user', content: text };
    return [...(system === undefined ? [] : [{ role: 'system', content: system } as const]), ...this.#turns, user];
  }

  /** `text` was said, and answered; `tokens` are those of the whole conversation now. */
  addTurn(text: string, answer: string, tokens: number): void {
    this.#turns.push({ role: 'user', content: text }, { role: 'assistant', content: answer });
    this.#tokens = tokens;
  }

  /** Forgets what was said, and keeps the instructions. */
  clear(): void {
    this.#turns = [];
    this.#tokens = 0;
  }
}
