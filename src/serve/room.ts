import type { MiddlewareHandler } from 'hono';
import { collectGarbage } from '../base/garbage.ts';
import { Refusal } from './refusal.ts';

/** Bytes that leave so much garbage that it is collected at once. */
const much = 2 ** 20;

/** Memory for what all requests hold at a time: `capacity` bytes. */
export class Room {
  readonly #capacity: number;
  #taken = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** False, and nothing is taken, if there is not so much left. */
  take(bytes: number): boolean {
    if (this.#taken + bytes > this.#capacity) return false;
    this.#taken += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#taken -= bytes;
  }
}

/** What one request holds of the room, until it is disposed. */
export class Hold implements Disposable {
  readonly #room: Room;
  #bytes = 0;

  constructor(room: Room) {
    this.#room = room;
  }

  /** Throws a Refusal, for requests that may come again, if there is no room. */
  add(bytes: number): void {
    if (!this.#room.take(bytes)) {
      throw new Refusal(503, 'too many large requests at once; try again later', { code: 'server_busy' });
    }
    this.#bytes += bytes;
  }

  [Symbol.dispose](): void {
    this.#room.give(this.#bytes);
    if (this.#bytes > much) setImmediate(collectGarbage);
    this.#bytes = 0;
  }
}

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
