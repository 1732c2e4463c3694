import * as z from 'zod';
import { EngineError } from '../base/errors.ts';
import type { Model } from '../engine/model.ts';
import { readSession, restoreSession, saveSession } from '../engine/session.ts';
import type { KeptText } from '../kv/kept-text.ts';
import type { Plan } from '../plan/plan.ts';
import { note } from './output.ts';
import { messagesOf, type PromptFlags, rawOf } from './prompt.ts';

const role = z.enum(['system', 'user', 'assistant']);
/** What was said: messages, or one text if the chat template was not wanted. */
const Said = z.union([
  z.object({ messages: z.array(z.object({ role, content: z.string() })) }),
  z.object({ text: z.string() }),
]);
type Said = z.infer<typeof Said>;

/** A conversation that outlives the process: what was said, with its keys and values, in a file. */
export class Session {
  readonly #path: string;
  readonly #kept: KeptText | undefined;
  #said: Said | undefined;

  private constructor(path: string, kept: KeptText | undefined, said: Said | undefined) {
    this.#path = path;
    this.#kept = kept;
    this.#said = said;
  }

  /** A new one if there is no such file. Rejects with SESSION_UNREADABLE. */
  static async open(path: string): Promise<Session> {
    const kept = await readSession(path);
    if (!kept) return new Session(path, undefined, undefined);
    const said = Said.safeParse(kept.about);
    if (!said.success) throw new EngineError('SESSION_UNREADABLE', { file: path, reason: 'it keeps no conversation' });
    return new Session(path, kept, said.data);
  }

  /** The tokens of what was said, and `prompt` after it. Throws NO_PROMPT, TEMPLATE_FAILED, BAD_OPTION. */
  ask(model: Model, prompt: string, flags: PromptFlags): readonly number[] {
    const raw = (flags.raw ?? false) || !model.hasTemplate;
    const before = this.#said;
    if (before && raw !== 'text' in before) {
      const expected = raw ? 'none, as the session began with the chat template' : 'it, as the session began so';
      throw new EngineError('BAD_OPTION', { option: '--raw', value: raw ? 'given' : 'left out', expected });
    }
    if (prompt === '') throw new EngineError('NO_PROMPT', {});
    if (raw) {
      const text = before && 'text' in before ? before.text + prompt : rawOf(prompt, flags);
      this.#said = { text };
      return model.tokenize(text);
    }
    const earlier = before && 'messages' in before ? before.messages : [];
    // Instructions that are given anew count from now on.
    const kept = flags.system === undefined ? earlier : earlier.filter((message) => message.role !== 'system');
    const [first, ...others] = messagesOf(prompt, flags);
    const messages = first?.role === 'system' ? [first, ...kept, ...others] : [...kept, ...messagesOf(prompt, flags)];
    this.#said = { messages: [...messages] };
    return model.tokenize(messages);
  }

  /** Opens the model under `plan` and puts keys and values where the prompt finds them. Where that cannot be, they are computed again. */
  async restore(model: Model, plan: Plan): Promise<void> {
    const kept = this.#kept;
    if (!kept) return;
    const restored = await model.exclusively((runtime) => restoreSession(runtime, kept), { plan });
    if (!restored) note('the session was saved in another way, or is damaged: it is computed again');
  }

  /** Keeps what was asked and `answer`. Rejects with WRITE_FAILED. */
  async save(model: Model, answer: string): Promise<void> {
    const said = this.#said;
    if (!said) return;
    const about =
      'text' in said
        ? { text: said.text + answer }
        : { messages: [...said.messages, { role: 'assistant', content: answer }] };
    await model.exclusively((runtime) => saveSession(runtime, this.#path, about));
  }
}
