import type { Conversation, Message } from '../../chat/message.ts';
import type { Parameters } from '../options/parameters.ts';

interface TurnOptions {
  readonly system?: string | undefined;
  /** Whether control tokens in what is typed are these tokens. */
  readonly parseSpecial?: boolean | undefined;
  /** The conversation so far. */
  readonly earlier?: readonly Message[] | undefined;
}

/** The messages so far, and the parameters of the next answer. Only messages that were answered become part of it. */
export class ChatTurns {
  /** Instructions that come before everything; undefined for none. */
  system: string | undefined;
  parameters: Parameters;
  #turns: readonly Message[];
  #tokens = 0;
  readonly #parseSpecial: boolean;

  constructor(parameters: Parameters, { system, parseSpecial, earlier = [] }: TurnOptions = {}) {
    const isSystem = ({ role }: Message): boolean => role === 'system';
    this.system = system ?? earlier.find(isSystem)?.content;
    this.#turns = earlier.filter((message) => !isSystem(message));
    this.parameters = parameters;
    this.#parseSpecial = parseSpecial ?? false;
  }

  get turns(): readonly Message[] {
    return this.#turns;
  }

  /** The whole conversation, instructions first. */
  get messages(): readonly Message[] {
    return this.system === undefined ? this.#turns : [{ role: 'system', content: this.system }, ...this.#turns];
  }

  /** Tokens of the last prompt and its answer. */
  get tokens(): number {
    return this.#tokens;
  }

  /** The conversation to answer if `text` comes next. */
  promptFor(text: string): Conversation {
    return {
      messages: [...this.messages, { role: 'user', content: text }],
      think: this.parameters.think,
      parseSpecial: this.#parseSpecial,
    };
  }

  /** Adds `text` and its answer; `tokens` are those of the whole conversation now. */
  addTurn(text: string, answer: { readonly text: string; readonly thinking: string }, tokens: number): void {
    const thoughts = answer.thinking === '' ? {} : { thinking: answer.thinking };
    const said = { role: 'user', content: text };
    this.#turns = [...this.#turns, said, { role: 'assistant', content: answer.text, ...thoughts }];
    this.#tokens = tokens;
  }

  /** Forgets the messages, and keeps the instructions. */
  clear(): void {
    this.#turns = [];
    this.#tokens = 0;
  }
}
