import type { ChatPrompt, Message } from '../../src/chat/message.ts';
import type { Model } from '../../src/model/model.ts';
import type { GenerateOptions, ModelOptions } from '../../src/model/model-options.ts';
import { type CollectedAnswer, collectAnswer } from './batch-model.ts';
import { openTestModel } from './open-model.ts';

type Prompt = string | ChatPrompt | readonly number[];

/** A question as `run` asks it; a string goes without the chat template. */
export const asked = (content: string, system?: string): readonly Message[] => [
  ...(system === undefined ? [] : [{ role: 'system', content: system } as const]),
  { role: 'user', content },
];

/** Tells what the model at `path` answers in this process, with everything resident and the kernels that give the same bits everywhere. */
export class Teller implements AsyncDisposable {
  readonly model: Model;

  constructor(path: string, options: ModelOptions = {}) {
    this.model = openTestModel(path, 160 * 2 ** 20, { context: 512, ...options });
  }

  /** The likeliest tokens, unless options say otherwise. */
  answer(prompt: Prompt, options: GenerateOptions = {}): Promise<CollectedAnswer> {
    return collectAnswer(this.model.generate(prompt, { temperature: 0, logprobs: 2, ...options }));
  }

  /** The text of the answer. */
  async text(prompt: Prompt, options: GenerateOptions = {}): Promise<string> {
    return (await this.answer(prompt, options)).text;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.model[Symbol.asyncDispose]();
  }
}
