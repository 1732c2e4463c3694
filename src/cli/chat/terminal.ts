import { createInterface, type Interface, type Key } from 'node:readline';
import { PassThrough } from 'node:stream';
import { withEither } from '../../base/promises.ts';
import { slashCompletions } from './chat-commands.ts';
import type { ChatHistory } from './chat-history.ts';
import type { ChatLines, LineEvent } from './chat-lines.ts';

const interruptKey = '\x03';
const suspendKey = '\x1a';
/** Keys that end a line: Enter, Ctrl-C, Ctrl-D. */
const lineEnds: readonly string[] = ['\r', interruptKey, '\x04'];
const bracketedPaste = { on: '\x1b[?2004h', off: '\x1b[?2004l' };

/** Streams of a terminal: keys come from `input`; `output` shows them. */
interface TerminalStreams {
  readonly input: NodeJS.ReadableStream & { setRawMode(raw: boolean): unknown };
  readonly output: NodeJS.WritableStream;
}

/** A line that is being typed. */
interface Editor {
  readonly keys: PassThrough;
  readonly readline: Interface;
}

/**
 * The lines that a person types at a terminal. It stays in raw mode for the whole conversation: text that is typed
 * during an answer is not mixed into it, but is there when the next line is asked for.
 */
export class Terminal implements ChatLines {
  readonly interactive = true;
  readonly #input: TerminalStreams['input'];
  readonly #output: TerminalStreams['output'];
  readonly #history: ChatHistory;
  readonly #signal: AbortSignal;
  /** Keys that are not yet read. */
  #held = '';
  #pasting = false;
  #ended = false;
  #editor: Editor | undefined;
  #work: AbortController | undefined;

  /** A terminal whose lines, and all work, end with `signal`. */
  constructor(
    history: ChatHistory,
    signal: AbortSignal,
    { input, output }: TerminalStreams = { input: process.stdin, output: process.stderr },
  ) {
    this.#input = input;
    this.#output = output;
    this.#history = history;
    this.#signal = signal;
    this.#input.setEncoding('utf8');
    this.#input.on('data', this.#typed).on('end', this.#end).resume();
    process.on('SIGCONT', this.#resume);
    signal.addEventListener('abort', this.#end);
    this.#enter();
    if (signal.aborted) this.#end();
  }

  read(prompt: string): Promise<LineEvent> {
    if (this.#ended) return Promise.resolve({ kind: 'end' });
    return new Promise((resolve) => {
      const keys = new PassThrough();
      const readline = createInterface({
        input: keys,
        output: this.#output,
        terminal: true,
        prompt,
        history: [...this.#history.lines],
        completer: complete,
      });
      const finish = (event: LineEvent): void => {
        this.#editor = undefined;
        readline.close();
        resolve(event);
      };
      keys.on('keypress', (_: string | undefined, { name }: Key) => {
        if (name === 'paste-start') this.#pasting = true;
        if (name === 'paste-end') this.#pasting = false;
      });
      readline.on('line', (text) => {
        this.#history.add(text);
        finish({ kind: 'line', text, pasted: this.#pasting });
      });
      readline.on('SIGINT', () => {
        const typed = readline.line !== '';
        readline.write(null, { ctrl: true, name: 'e' });
        this.#output.write('^C\n');
        finish({ kind: 'interrupt', typed });
      });
      readline.on('close', () => {
        if (this.#editor?.readline !== readline) return;
        this.#output.write('\n');
        finish({ kind: 'end' });
      });
      this.#editor = { keys, readline };
      readline.prompt();
      this.#feed();
    });
  }

  async runWithInterrupt<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.#work = new AbortController();
    this.#interruptWork();
    try {
      return await withEither([this.#signal, this.#work.signal], work);
    } finally {
      this.#work = undefined;
    }
  }

  [Symbol.dispose](): void {
    this.#leave();
    this.#editor?.readline.close();
    this.#signal.removeEventListener('abort', this.#end);
    process.off('SIGCONT', this.#resume);
    this.#input.off('data', this.#typed).off('end', this.#end).pause();
  }

  readonly #typed = (text: string): void => {
    this.#held += text.replaceAll(suspendKey, '').replace(/\r?\n/g, '\r');
    this.#interruptWork();
    this.#feed();
    if (text.includes(suspendKey) && process.platform !== 'win32') this.#suspend();
  };

  /** Aborts the work if Ctrl-C was typed since its line, and drops the keys before that. */
  #interruptWork(): void {
    const at = this.#held.lastIndexOf(interruptKey);
    if (!this.#work || at < 0) return;
    this.#held = this.#held.slice(at + 1);
    this.#work.abort();
  }

  /** Gives the editor the keys, but not beyond the end of its line. */
  #feed(): void {
    const { keys } = this.#editor ?? {};
    if (!keys || this.#held === '') return;
    const ends = lineEnds.map((key) => this.#held.indexOf(key)).filter((at) => at >= 0);
    const next = this.#held.slice(0, Math.min(...ends, this.#held.length) + 1);
    this.#held = this.#held.slice(next.length);
    keys.write(next, () => setImmediate(() => this.#feed()));
  }

  readonly #end = (): void => {
    this.#ended = true;
    this.#work?.abort();
    this.#editor?.keys.end();
  };

  #enter(): void {
    this.#input.setRawMode(true);
    this.#output.write(bracketedPaste.on);
  }

  #leave(): void {
    this.#output.write(bracketedPaste.off);
    this.#input.setRawMode(false);
  }

  #suspend(): void {
    this.#leave();
    process.kill(process.pid, 'SIGTSTP');
  }

  readonly #resume = (): void => {
    this.#enter();
    this.#editor?.readline.prompt(true);
  };
}

/** The commands that a line may go on to be. */
const complete = (line: string): [string[], string] => [
  line.startsWith('/') ? slashCompletions.filter((completion) => completion.startsWith(line)) : [],
  line,
];
