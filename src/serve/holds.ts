import type { MiddlewareHandler } from 'hono';
import { Hold, Room } from './room.ts';

/** Of the server: what it takes beside is what it takes when it has nothing to do, and what one body takes to be read. */
const room = new Room(64 * 2 ** 20);
const holds = new WeakMap<Request, Hold>();

/** What a request holds. */
export function holdOf(request: Request): Hold {
  const hold = holds.get(request) ?? new Hold(room);
  holds.set(request, hold);
  return hold;
}

/** Lets a request hold what it does until the last byte of its answer has been asked for, or the client is gone. */
export const heldUntilAnswered: MiddlewareHandler = async (c, next) => {
  const { raw } = c.req;
  try {
    await next();
  } finally {
    const hold = holds.get(raw);
    const { body } = c.res;
    if (hold && body)
      c.res = new Response(
        ending(body, () => hold[Symbol.dispose]()),
        c.res,
      );
    else hold?.[Symbol.dispose]();
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
