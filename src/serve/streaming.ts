/** Sends some of a body. Resolves when the client has asked for it, rejects when the client is gone. One at a time. */
export type Write = (text: string) => Promise<void>;

export interface Streaming {
  readonly contentType: string;
  /** What is sent instead of silence: ': ping\n\n' in server-sent events, ' ' in JSON. */
  readonly keepAlive: string;
  /** Milliseconds of silence that are too long. */
  readonly interval?: number | undefined;
  /** Milliseconds after which a client that reads nothing is cut off: others wait for its place. */
  readonly patience?: number | undefined;
}

/** Aborts when the client of `request` closes its connection; `streamed` aborts it when the body is cancelled. */
export function clientOf(request: Request): AbortController {
  const client = new AbortController();
  const leave = (): void => client.abort();
  if (request.signal.aborted) leave();
  else request.signal.addEventListener('abort', leave, { once: true });
  return client;
}

/**
 * A response whose headers go out at once and whose body `produce` writes, as fast as the client reads. If `produce`
 * rejects while the client listens, the connection is cut: what it wants to say about an error it must write.
 */
export function streamed(
  client: AbortController,
  { contentType, keepAlive, interval = 10_000, patience = 60_000 }: Streaming,
  produce: (write: Write) => Promise<void>,
): Response {
  const { signal } = client;
  const encoder = new TextEncoder();
  let wanted = false;
  let wake = (): void => {};
  let open = true;
  const body = new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        const send = (text: string): void => {
          // Before it is sent: the client may want more at once.
          wanted = false;
          controller.enqueue(encoder.encode(text));
        };
        const timer = setTimeout(() => {
          if (wanted) send(keepAlive);
          timer.refresh();
        }, interval);
        const cut = (): void => {
          open = false;
          controller.error(new Error('the client reads nothing'));
          client.abort();
        };
        const write: Write = async (text) => {
          const unread = setTimeout(cut, patience);
          while (!wanted && !signal.aborted) {
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          }
          clearTimeout(unread);
          signal.throwIfAborted();
          send(text);
          timer.refresh();
        };
        const leave = (): void => {
          clearTimeout(timer);
          wake();
        };
        if (signal.aborted) leave();
        else signal.addEventListener('abort', leave, { once: true });
        const end = (finish: () => void): void => {
          clearTimeout(timer);
          if (open) finish();
        };
        produce(write).then(
          () => end(() => controller.close()),
          (error) => end(() => (signal.aborted ? controller.close() : controller.error(error))),
        );
      },
      pull: () => {
        wanted = true;
        wake();
      },
      cancel: () => {
        open = false;
        client.abort();
      },
    },
    { highWaterMark: 0 },
  );
  const headers = { 'content-type': contentType, 'cache-control': 'no-cache', 'x-accel-buffering': 'no' };
  return new Response(body, { headers });
}
