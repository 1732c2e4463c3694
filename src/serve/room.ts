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
