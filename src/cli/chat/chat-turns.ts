import type { Message } from '../../chat/message.ts';
import type { Parameters } from '../options/parameters.ts';

/** The messages so far, and the parameters of the next answer. Only messages that were answered become part of it. */
export class ChatTurns {
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

  /** Tokens of the last prompt and its answer. */
  get tokens(): number {
    return this.#tokens;
  }

  /** The messages to answer if `text` comes next. */
  messagesWith(text: string): readonly Message[] {
    const { system } = this;
    const user: Message = { role: 'user', content: text };
    return [...(system === undefined ? [] : [{ role: 'system', content: system } as const]), ...this.#turns, user];
  }

  /** Adds `text` and its answer; `tokens` are those of the whole conversation now. */
  addTurn(text: string, answer: string, tokens: number): void {
    this.#turns.push({ role: 'user', content: text }, { role: 'assistant', content: answer });
    this.#tokens = tokens;
  }

  /** Forgets the messages, and keeps the instructions. */
  clear(): void {
    this.#turns = [];
    this.#tokens = 0;
  }
}
