import type { Conversation, Message } from '../../chat/message.ts';
import type { Parameters } from '../options/parameters.ts';

interface TurnOptions {
  readonly system?: string | undefined;
  /** Whether control tokens in what is typed are these tokens. */
  readonly parseSpecial?: boolean | undefined;
}

/** The messages so far, and the parameters of the next answer. Only messages that were answered become part of it. */
export class ChatTurns {
  /** Instructions that come before everything; undefined for none. */
  system: string | undefined;
  parameters: Parameters;
  #turns: Message[] = [];
  #tokens = 0;
  readonly #parseSpecial: boolean;

  constructor(parameters: Parameters, { system, parseSpecial }: TurnOptions = {}) {
    this.system = system;
    this.parameters = parameters;
    this.#parseSpecial = parseSpecial ?? false;
  }

  get turns(): readonly Message[] {
    return this.#turns;
  }

  /** Tokens of the last prompt and its answer. */
  get tokens(): number {
    return this.#tokens;
  }

  /** The conversation to answer if `text` comes next. */
  promptFor(text: string): Conversation {
    const { system, parameters } = this;
    const first: readonly Message[] = system === undefined ? [] : [{ role: 'system', content: system }];
    return {
      messages: [...first, ...this.#turns, { role: 'user', content: text }],
      think: parameters.think,
      parseSpecial: this.#parseSpecial,
    };
  }

  /** Adds `text` and its answer; `tokens` are those of the whole conversation now. */
  addTurn(text: string, answer: { readonly text: string; readonly thinking: string }, tokens: number): void {
    const thoughts = answer.thinking === '' ? {} : { thinking: answer.thinking };
    this.#turns.push({ role: 'user', content: text }, { role: 'assistant', content: answer.text, ...thoughts });
    this.#tokens = tokens;
  }

  /** Forgets the messages, and keeps the instructions. */
  clear(): void {
    this.#turns = [];
    this.#tokens = 0;
  }
}
