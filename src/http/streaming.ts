/**
 * Sends a part of a body. Resolves when the client has asked for it, rejects when the client is gone. One at a time.
 */
export type Write = (text: string) => Promise<void>;

/** Limits of silence, in milliseconds. */
export interface StreamTimeouts {
  /**
   * Silence before the headers: longer than it takes to find that an engine hangs, less than the 60 s that proxies
   * wait.
   */
  readonly firstByte?: number | undefined;
  /** Silence after the headers. */
  readonly interval?: number | undefined;
}

export interface Streaming extends StreamTimeouts {
  readonly contentType: string;
  /**
   * Gives the bytes that are sent instead of silence: a comment in server-sent events, a space in JSON.
   */
  readonly keepAlive: () => string;
  /** The end of a body whose producer failed after the headers had gone. */
  failed(error: unknown): string;
  /** Milliseconds after which a client that reads nothing is cut off: others wait for its place. */
  readonly patience?: number | undefined;
}

/** Aborts when the client of `request` closes its connection; `streamed` aborts it when the body is cancelled. */
export function clientOf(request: Request): AbortController {
  const client = new AbortController();
  // Node keeps what listens to the signal of a request for as long as the request, which an answer refers to.
  const weak = new WeakRef(client);
  if (request.signal.aborted) client.abort();
  else request.signal.addEventListener('abort', () => weak.deref()?.abort(), { once: true });
  return client;
}

/**
 * A response whose body `produce` writes, as fast as the client reads. Its headers are held back until the first byte,
 * or until silence would have to be broken: rejects as `produce` does before that, so that a failure has its status.
 */
export function streamed(
  client: AbortController,
  streaming: Streaming,
  produce: (write: Write) => Promise<void>,
): Promise<Response> {
  const { contentType, failed, firstByte = 45_000 } = streaming;
  const headers = { 'content-type': contentType, 'cache-control': 'no-cache', 'x-accel-buffering': 'no' };
  return new Promise((resolve, reject) => {
    const outlet = new Outlet(client, streaming);
    let begun = false;
    const begin = (): void => {
      if (begun) return;
      begun = true;
      clearTimeout(held);
      resolve(new Response(outlet.body, { headers }));
    };
    const held = setTimeout(begin, firstByte);
    client.signal.addEventListener('abort', () => clearTimeout(held), { once: true });
    const write: Write = (text) => {
      begin();
      return outlet.write(text);
    };
    produce(write).then(
      () => {
        begin();
        outlet.end();
      },
      async (error: unknown) => {
        clearTimeout(held);
        if (!begun) reject(error);
        else if (!client.signal.aborted) await outlet.write(failed(error)).catch(() => {});
        outlet.end();
      },
    );
  });
}

/** A body that goes out as its reader asks for it, and that is never silent for long. */
class Outlet {
  readonly body: ReadableStream<Uint8Array>;
  readonly #client: AbortController;
  readonly #keepAlive: () => string;
  readonly #interval: number;
  readonly #patience: number;
  readonly #encoder = new TextEncoder();
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #wanted = false;
  #wake: () => void = () => {};
  #timer: NodeJS.Timeout | undefined;

  constructor(client: AbortController, { keepAlive, interval = 10_000, patience = 60_000 }: Streaming) {
    this.#client = client;
    this.#keepAlive = keepAlive;
    this.#interval = interval;
    this.#patience = patience;
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => {
          this.#wanted = true;
          this.#timer ??= setTimeout(this.#breakSilence, interval);
          this.#wake();
        },
        cancel: () => {
          this.#controller = undefined;
          client.abort();
        },
      },
      { highWaterMark: 0 },
    );
    client.signal.addEventListener('abort', () => this.#leave(), { once: true });
  }

  async write(text: string): Promise<void> {
    const { signal } = this.#client;
    // A client that reads nothing does not keep a process that has nothing else to do.
    const unread = setTimeout(this.#cut, this.#patience).unref();
    while (!this.#wanted && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    clearTimeout(unread);
    signal.throwIfAborted();
    this.#send(text);
  }

  end(): void {
    this.#leave();
    this.#controller?.close();
    this.#controller = undefined;
  }

  #send(text: string): void {
    // The flag goes down before the bytes are sent: the client may want more at once.
    this.#wanted = false;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#breakSilence, this.#interval);
    this.#controller?.enqueue(this.#encoder.encode(text));
  }

  readonly #breakSilence = (): void => {
    if (this.#wanted) this.#send(this.#keepAlive());
    else this.#timer = setTimeout(this.#breakSilence, this.#interval);
  };

  readonly #cut = (): void => {
    this.#controller?.error(new Error('the client reads nothing'));
    this.#controller = undefined;
    this.#client.abort();
  };

  #leave(): void {
    clearTimeout(this.#timer);
    this.#wake();
  }
}
