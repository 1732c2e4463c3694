import type { MiddlewareHandler } from 'hono';
import { RequestMemory, Reservation } from './request-memory.ts';

/** The server's room for requests: beside it the process takes its idle memory, and that of reading one body. */
const memory = new RequestMemory(64 * 2 ** 20);
const reservations = new WeakMap<Request, Reservation>();

/** The reservation of a request. */
export function reservationOf(request: Request): Reservation {
  const reservation = reservations.get(request) ?? new Reservation(memory);
  reservations.set(request, reservation);
  return reservation;
}

/** Keeps the reservation of a request until the last byte of its answer has been asked for, or the client is gone. */
export const releaseAfterResponse: MiddlewareHandler = async (c, next) => {
  const { raw } = c.req;
  try {
    await next();
  } finally {
    const reservation = reservations.get(raw);
    const { body } = c.res;
    if (reservation && body)
      c.res = new Response(
        ending(body, () => reservation[Symbol.dispose]()),
        c.res,
      );
    else reservation?.[Symbol.dispose]();
  }
};

/** The same stream; `end` is called when it has ended, or nobody reads it any more. */
function ending(body: ReadableStream<Uint8Array>, end: () => void): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  const pull = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    try {
      const { done, value } = await reader.read();
      if (!done) return controller.enqueue(value);
      controller.close();
    } catch (error) {
      controller.error(error);
    }
    end();
  };
  const cancel = (reason: unknown): Promise<void> => {
    end();
    return reader.cancel(reason);
  };
  return new ReadableStream({ pull, cancel }, { highWaterMark: 0 });
}
