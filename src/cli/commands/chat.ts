import { formatBytes } from '../../base/bytes.ts';
import { EngineError } from '../../base/errors.ts';
import type { Generation } from '../../engine/generation.ts';
import type { Model } from '../../model/model.ts';
import { headline } from '../../plan/explain.ts';
import type { Plan } from '../../plan/plan.ts';
import { type ChatContext, dispatchCommand } from '../chat/chat-commands.ts';
import { ChatHistory } from '../chat/chat-history.ts';
import { type ChatInput, InputParser } from '../chat/chat-input.ts';
import { type ChatLines, PipedLines } from '../chat/chat-lines.ts';
import { ChatTurns } from '../chat/chat-turns.ts';
import { Terminal } from '../chat/terminal.ts';
import { ConversationFile } from '../conversation-file.ts';
import { interruptible } from '../interrupt.ts';
import type { ChosenModel } from '../locate-model.ts';
import { openModel } from '../open-model.ts';
import { idleThoughts } from '../options/idle-thoughts.ts';
import { idleParameters, parametersOf } from '../options/parameters.ts';
import type { Settings } from '../options/table.ts';
import { AnswerPrinter } from '../print/answer-printer.ts';
import { note, warn } from '../print/output.ts';
import { printable } from '../print/printable.ts';
import { Progress } from '../print/progress.ts';
import { timings } from '../print/timings.ts';

/** Talks with whoever sits at the terminal, or gives lines. */
export const chatCommand = (settings: Settings, chosen: ChosenModel): Promise<void> =>
  interruptible(({ signal }) => converse(chosen, settings, signal));

async function converse(chosen: ChosenModel, options: Settings, signal: AbortSignal): Promise<void> {
  using session = options.session === undefined ? undefined : await ConversationFile.open(options.session);
  const earlier = session?.messages ?? [];
  await using model = await openModel(chosen, options);
  const idle = [
    ...idleParameters(options, model.recommended, { prefix: '--' }),
    ...idleThoughts(options, model.prompts.thinks),
  ];
  for (const line of idle) warn(new Error(line));
  const conversation = new ChatTurns(parametersOf(options), { ...options, earlier });
  // A model that cannot chat is refused before anything is loaded.
  model.tokenize(conversation.promptFor('Hello'), model.mostTokens(options.ctx));
  const plan = model.plan(options.ctx);
  using lines = openLines(signal, model.prompts.mostUnits(plan.context));
  greet(model, plan, { ...options, name: chosen.name, interactive: lines.interactive });
  if (earlier.length > 0) note(`goes on with the ${earlier.length} messages of ${printable(options.session ?? '')}\n`);
  if (session) {
    await model.start(plan);
    await session.restore(model);
  }
  using chat = new Chat({ name: chosen.name, model, plan, conversation, lines, verbose: options.verbose });
  const { turns } = conversation;
  try {
    await chat.run();
  } finally {
    // A conversation that ends in another way than by leaving it is kept, too.
    const some = turns.length + conversation.turns.length > 0;
    if (some && conversation.turns !== turns) await session?.saveMessages(model, conversation.messages);
  }
}

const openLines = (signal: AbortSignal, most: number): ChatLines =>
  process.stdin.isTTY && process.stderr.isTTY ? new Terminal(new ChatHistory(), signal) : new PipedLines(signal, most);

function greet(model: Model, plan: Plan, options: Settings & { name: string; interactive: boolean }): void {
  const { name, interactive, verbose } = options;
  const auto = options.memoryBudget === undefined;
  if (interactive) note(`${printable(name)}, a context of ${plan.context} tokens`);
  if (interactive || auto || verbose) {
    note(`memory budget ${formatBytes(plan.budget)}${auto ? ' (auto)' : ''}; ${headline(plan, model.hitRate)}`);
  }
  if (interactive) note('/? shows what can be typed besides messages, Ctrl-D leaves\n');
}

interface ChatParts {
  readonly name: string;
  readonly model: Model;
  readonly plan: Plan;
  readonly conversation: ChatTurns;
  readonly lines: ChatLines;
  readonly verbose: boolean;
}

/** The loop of a conversation: reads lines and acts on them until there are no more. */
class Chat implements Disposable {
  readonly #parts: ChatParts;
  readonly #context: ChatContext;
  readonly #parser: InputParser;
  readonly #loading: Progress = new Progress('loading');
  readonly #leaving: AbortController = new AbortController();
  #waiting = false;

  constructor(parts: ChatParts) {
    const { name, model, plan } = parts;
    this.#parts = parts;
    this.#parser = new InputParser(model.prompts.mostUnits(plan.context));
    const { path } = model.outline;
    const facts = [
      ['model', name],
      ['file', path],
      ['memory', `budget ${formatBytes(plan.budget)}; ${headline(plan, model.hitRate)}`],
    ] as const;
    this.#context = { facts, context: plan.context, recommended: model.recommended };
  }

  async run(): Promise<void> {
    const { model, plan, lines } = this.#parts;
    if (lines.interactive) {
      // Loading goes on while the first message is typed. Its errors come again when that is answered, and are shown
      // then.
      model.load(plan, { onProgress: this.#onLoad, signal: this.#leaving.signal }).catch(() => {});
    }
    for (;;) {
      const event = await lines.read(this.#parser.open ? '... ' : '>>> ');
      switch (event.kind) {
        case 'line': {
          const input = this.#parser.push(event.text, event.pasted);
          if (input && (await this.#respond(input)) === 'leave') return;
          break;
        }
        case 'interrupt':
          if (this.#parser.interrupt(event.typed)) return;
          note('(Ctrl-D, /bye, or Ctrl-C twice on an empty line leaves)');
          break;
        case 'end': {
          // A message that a person breaks off is not answered; a file may just lack the last quotes.
          const input = lines.interactive ? undefined : this.#parser.end();
          if (input) await this.#respond(input);
          return;
        }
        default:
          event satisfies never;
      }
    }
  }

  async #respond(input: ChatInput): Promise<'stay' | 'leave'> {
    const { conversation, lines } = this.#parts;
    if (input.kind === 'command') {
      const reply = dispatchCommand(conversation, input, this.#context);
      for (const line of reply.lines) note(line);
      return reply.leave ? 'leave' : 'stay';
    }
    this.#waiting = true;
    try {
      await lines.runWithInterrupt((signal) => this.#answer(input.text, signal));
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      for (const line of failure(error)) note(line);
      if (!lines.interactive) process.exitCode = 1;
    } finally {
      this.#waiting = false;
      this.#loading.clear();
    }
    if (lines.interactive) note('');
    return 'stay';
  }

  /** Prints the answer to `text` as it comes; an answer that is stopped counts as far as it came. */
  async #answer(text: string, signal: AbortSignal): Promise<void> {
    const { model, plan, conversation, verbose } = this.#parts;
    const { parameters } = conversation;
    using progress = new Progress('prompt');
    model.prompts.checkLength(text.length, plan.context);
    await model.start(plan);
    const generation = model.generate(model.prepare(conversation.promptFor(text), plan.context), {
      ...parameters,
      signal,
      onLoad: this.#onLoad,
      onPrompt: ({ tokens: done, total, bytes }) =>
        done < total ? progress.update({ done, total, bytes }) : progress.clear(),
    });
    const answer = await print(generation);
    progress.clear();
    const { stopReason, promptTokens, answerTokens } = generation;
    const stoppedAtOnce = stopReason === 'cancelled' && answer.text === '' && answer.thinking === '';
    if (!stoppedAtOnce) conversation.addTurn(text, answer, promptTokens + answerTokens);
    if (stopReason === 'length' && answerTokens !== parameters.maxTokens) {
      note('The context is full, so the answer ends here: /clear makes room, or a larger --ctx next time.');
    }
    if (verbose) for (const line of timings(generation)) note(line);
  }

  readonly #onLoad = (done: number, total: number): void => {
    if (this.#waiting && done < total) this.#loading.update({ done, total });
    else this.#loading.clear();
  };

  [Symbol.dispose](): void {
    this.#leaving.abort();
  }
}

/** Prints the answer as it comes, and ends its line. */
async function print(generation: Generation): Promise<AnswerPrinter> {
  const printer = new AnswerPrinter();
  try {
    for await (const piece of generation) await printer.push(piece);
  } finally {
    await printer.end();
  }
  return printer;
}

const failure = (error: EngineError): readonly string[] => [
  `error: ${printable(error.message)} [${error.code}]`,
  error.code === 'CONTEXT_TOO_LONG'
    ? 'Your message was taken back: shorten it, make room with /clear, or start again with a larger --ctx.'
    : 'Your message was taken back: you can send it again.',
];
