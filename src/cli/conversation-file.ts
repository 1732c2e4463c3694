import { basename, dirname, resolve } from 'node:path';
import * as z from 'zod';
import { EngineError } from '../base/errors.ts';
import { FileLock } from '../base/file-lock.ts';
import { realPath } from '../base/regular-file.ts';
import { removeUnfinished } from '../base/replace-file.ts';
import type { Message } from '../chat/message.ts';
import type { Model } from '../model/model.ts';
import type { PreparedPrompt } from '../model/prompt-tokenizer.ts';
import { readSession } from '../model/session-files.ts';
import type { SavedText } from '../state/saved-text.ts';
import { note } from './print/output.ts';
import { messagesOf, type PromptFlags, rawOf } from './prompt.ts';

/** The conversation: messages, or one text if the chat template was not wanted. */
const Said = z.union([
  z.object({ messages: z.array(z.object({ role: z.string(), content: z.string() })) }),
  z.object({ text: z.string() }),
]);
type Said = z.infer<typeof Said>;

/**
 * A conversation that outlives the process: its text, with keys and values, in a file that no other process uses
 * meanwhile.
 */
export class ConversationFile implements Disposable {
  readonly #path: string;
  readonly #lock: FileLock;
  #saved: SavedText | undefined;
  #said: Said | undefined;

  private constructor(path: string, lock: FileLock) {
    this.#path = path;
    this.#lock = lock;
  }

  /**
   * Opens the file, or begins a new conversation if there is none. Rejects with SESSION_UNREADABLE, UNWRITABLE,
   * FILE_IN_USE.
   */
  static async open(named: string): Promise<ConversationFile> {
    // Several links may lead to one file.
    const path = realPath(resolve(named));
    const session = new ConversationFile(path, FileLock.acquire(path));
    try {
      removeUnfinished(dirname(path), basename(path));
      await session.#read();
      return session;
    } catch (error) {
      session[Symbol.dispose]();
      throw error;
    }
  }

  async #read(): Promise<void> {
    const kept = await readSession(this.#path);
    if (!kept) return;
    const said = Said.safeParse(kept.about);
    if (!said.success) {
      throw new EngineError('SESSION_UNREADABLE', { file: this.#path, reason: 'it keeps no conversation' });
    }
    this.#saved = kept;
    this.#said = said.data;
  }

  /**
   * The conversation with `prompt` behind it as tokens. Throws NO_PROMPT, TEMPLATE_FAILED, BAD_OPTION,
   * CONTEXT_TOO_LONG.
   */
  promptFor(model: Model, prompt: string, flags: PromptFlags): PreparedPrompt {
    const raw = (flags.raw ?? false) || !model.prompts.hasTemplate;
    const before = this.#said;
    if (before && raw !== 'text' in before) {
      const expected = raw ? 'none, as the session began with the chat template' : 'it, as the session began so';
      throw new EngineError('BAD_OPTION', { option: '--raw', value: raw ? 'given' : 'left out', expected });
    }
    if (prompt === '') throw new EngineError('NO_PROMPT', {});
    const most = model.mostTokens(flags.ctx);
    if (raw) {
      const text = before && 'text' in before ? before.text + prompt : rawOf(prompt, flags);
      this.#said = { text };
      return model.prepare(text, most);
    }
    const earlier = before && 'messages' in before ? before.messages : [];
    // New instructions count from now on.
    const kept = flags.system === undefined ? earlier : earlier.filter((message) => message.role !== 'system');
    const [first, ...others] = messagesOf(prompt, flags);
    const messages = first?.role === 'system' ? [first, ...kept, ...others] : [...kept, ...messagesOf(prompt, flags)];
    this.#said = { messages: [...messages] };
    const { think, parseSpecial } = flags;
    return model.prepare({ messages, think, parseSpecial }, most);
  }

  /** The messages so far. Throws BAD_OPTION for a text without a chat template. */
  get messages(): readonly Message[] {
    const said = this.#said;
    if (!said || 'messages' in said) return said?.messages ?? [];
    const expected = 'a conversation; this file keeps a text that began without the chat template';
    throw new EngineError('BAD_OPTION', { option: '--session', value: this.#path, expected });
  }

  /**
   * Puts keys and values where the prompt finds them. They are computed again if that cannot be.
   */
  async restore(model: Model): Promise<void> {
    const kept = this.#saved;
    if (!kept) return;
    const restored = await model.restoreSession(kept);
    if (!restored) note('the session has no states that can be put back here, or is damaged: it is computed again');
  }

  /** Saves the prompt and `answer`. Rejects with WRITE_FAILED, FILE_IN_USE. */
  async save(model: Model, answer: string): Promise<void> {
    const said = this.#said;
    if (!said) return;
    await this.#write(
      model,
      'text' in said
        ? { text: said.text + answer }
        : { messages: [...said.messages, { role: 'assistant', content: answer }] },
    );
  }

  /** Saves a conversation that the model has computed last. Rejects with WRITE_FAILED, FILE_IN_USE. */
  saveMessages(model: Model, messages: readonly Message[]): Promise<void> {
    return this.#write(model, { messages: messages.map(({ role, content }) => ({ role, content })) });
  }

  async #write(model: Model, said: Said): Promise<void> {
    this.#lock.check();
    await model.saveSession(this.#path, said);
  }

  [Symbol.dispose](): void {
    this.#lock[Symbol.dispose]();
  }
}
