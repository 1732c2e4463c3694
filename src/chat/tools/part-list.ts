import type { AnswerPart } from '../answer-part.ts';
import type { ToolCallDelta } from '../message.ts';
import { ObjectText } from './object-text.ts';

/** A part that is being collected. */
interface OpenPart {
  text: string;
  thinking: string;
  toolCalls: ToolCallDelta[];
}

/** Collects the parts of an answer, as few as their order allows. Calls are counted. */
export class PartList {
  #parts: OpenPart[] = [];
  #calls = 0;
  /** Arguments of the last call, which are a JSON object whatever the model writes. */
  #arguments: ObjectText | undefined;
  #cut = false;
  readonly #newId: () => string;
  readonly #most: number;

  /** Parts of an answer with `most` calls, which get ids of `newId` where the model gives none. More are left out. */
  constructor(newId: () => string, most: number) {
    this.#newId = newId;
    this.#most = most;
  }

  text(text: string): void {
    if (text === '') return;
    this.endCall();
    this.#part((part) => part.toolCalls.length === 0).text += text;
  }

  thinking(text: string): void {
    if (text === '') return;
    this.endCall();
    this.#part((part) => part.toolCalls.length === 0 && part.text === '').thinking += text;
  }

  /** Begins the next call. */
  begin(name: string, id: string | undefined): void {
    this.endCall();
    this.#calls += 1;
    if (this.#calls > this.#most) return;
    this.#arguments = new ObjectText();
    const call = {
      index: this.#calls - 1,
      id: id === undefined || id === '' ? this.#newId() : id,
      name,
      arguments: '',
    };
    this.#part(() => true).toolCalls.push(call);
  }

  /** Adds the next part of the arguments of the last call. */
  argument(text: string): void {
    this.#add(this.#arguments?.push(text) ?? '');
  }

  /** Ends the arguments of the last call, if there is one and the answer is not cut off. */
  endCall(): void {
    if (!this.#cut) this.#add(this.#arguments?.end() ?? '');
    this.#arguments = undefined;
  }

  /** The rest is the end of an answer that is cut off: a call in it stays open. */
  cutOff(): void {
    this.#cut = true;
  }

  #add(text: string): void {
    if (text === '') return;
    const { toolCalls } = this.#part(() => true);
    const last = toolCalls.pop() ?? { index: this.#calls - 1, arguments: '' };
    toolCalls.push({ ...last, arguments: last.arguments + text });
  }

  /** The parts so far, which are given away. */
  take(): readonly AnswerPart[] {
    const parts = this.#parts;
    this.#parts = [];
    return parts.map(({ text, thinking, toolCalls }) => ({
      text,
      ...(thinking !== '' && { thinking }),
      ...(toolCalls.length > 0 && { toolCalls }),
    }));
  }

  /** The last part, or a new one if nothing may follow there. */
  #part(goesOn: (part: OpenPart) => boolean): OpenPart {
    const last = this.#parts.at(-1);
    if (last && goesOn(last)) return last;
    const part = { text: '', thinking: '', toolCalls: [] };
    this.#parts.push(part);
    return part;
  }
}
