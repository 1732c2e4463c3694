import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { last } from '../../src/base/at.ts';

/** A program that answers requests, in a process of its own, which libraries and drivers may end. */
export class AnsweringProcess<Request extends object, Answer extends object> implements AsyncDisposable {
  readonly #program: string;
  readonly #patience: number;
  #child: ChildProcess | undefined;
  #words = '';

  /** `patience` are milliseconds for an answer; default: no limit. */
  constructor(program: string, patience: number = Number.POSITIVE_INFINITY) {
    this.#program = program;
    this.#patience = patience;
  }

  /** The answer. Rejects with the reason where the process ends instead; the next request gets another one. */
  async ask(request: Request): Promise<Answer> {
    const child = this.#start();
    child.send(request);
    const ended = new AbortController();
    const late =
      this.#patience === Number.POSITIVE_INFINITY ? undefined : setTimeout(() => child.kill('SIGKILL'), this.#patience);
    const answer = await Promise.race([
      once(child, 'message', ended).then(([message]) => message as Answer),
      once(child, 'exit', ended).then(([code, signal]) => new Error(`${signal ?? code}: ${this.#words.trim()}`)),
    ]);
    clearTimeout(late);
    ended.abort();
    if (!(answer instanceof Error)) return answer;
    this.#child = undefined;
    throw answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#child;
    if (!child) return;
    const exit = once(child, 'exit');
    child.disconnect();
    await exit;
  }

  #start(): ChildProcess {
    if (this.#child) return this.#child;
    const child = fork(this.#program, {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: { ...process.env, GGML_NO_BACKTRACE: '1' },
    });
    this.#words = '';
    child.stderr?.on('data', (chunk) => {
      this.#words ||= last(`${chunk}`.trim().split('\n', 1));
    });
    this.#child = child;
    return child;
  }
}
