import { collectGarbage } from '../../base/garbage.ts';
import { Refusal } from '../refusal.ts';

/** Bytes that leave so much garbage that it is collected at once. */
const much = 2 ** 20;

/** Memory for all requests at a time: `capacity` bytes. */
export class RequestMemory {
  readonly #capacity: number;
  /** Reservations whose bodies are still coming, from the one that has waited for longest. */
  readonly #coming: Set<Reservation> = new Set();
  #taken = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /**
   * Takes bytes; false, and nothing is taken, if there are too few left. Bodies of others than `reservation` that are
   * still coming lose theirs first.
   */
  reserve(bytes: number, reservation?: Reservation): boolean {
    for (const other of this.#coming) {
      if (this.#taken + bytes <= this.#capacity) break;
      if (other !== reservation) other.lose();
    }
    if (this.#taken + bytes > this.#capacity) return false;
    this.#taken += bytes;
    return true;
  }

  /** Records that some of the body of `reservation` has come, or will come. */
  markReceiving(reservation: Reservation): void {
    this.markReceived(reservation);
    this.#coming.add(reservation);
  }

  /** Records that the body of `reservation` does not come any more. */
  markReceived(reservation: Reservation): void {
    this.#coming.delete(reservation);
  }

  release(bytes: number): void {
    this.#taken -= bytes;
  }
}

const busy = (message: string): Refusal => new Refusal(503, message, { code: 'server_busy' });

/** The share of the room that one request holds, until it is disposed. */
export class Reservation implements Disposable {
  readonly #memory: RequestMemory;
  #bytes = 0;
  #over = false;
  #lose: ((reason: Refusal) => void) | undefined;

  constructor(memory: RequestMemory) {
    this.#memory = memory;
  }

  /**
   * Takes bytes. Throws a Refusal, for requests that may come again, if there is no room. After the end it takes
   * nothing: an answer may go on for a moment after its client has left, and nobody would give the bytes back.
   */
  add(bytes: number): void {
    if (this.#over) return;
    if (!this.#memory.reserve(bytes, this))
      throw busy('too many large requests at once; try again later, or have answers streamed');
    this.#bytes += bytes;
    if (this.#lose) this.#memory.markReceiving(this);
  }

  /** Announces a body. The promise rejects with a Refusal when its bytes are taken for others. */
  receive(): Promise<never> {
    this.#memory.markReceiving(this);
    return new Promise((_, reject) => {
      this.#lose = reject;
    });
  }

  /** Records that all of the body has come, or that nothing more of it will be waited for. */
  received(): void {
    this.#lose = undefined;
    this.#memory.markReceived(this);
  }

  /** Gives everything back while the body comes. */
  lose(): void {
    this.#lose?.(busy('the body came too slowly, and others needed its room; try again later'));
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.#over = true;
    this.received();
    this.#memory.release(this.#bytes);
    if (this.#bytes > much) setImmediate(collectGarbage);
    this.#bytes = 0;
  }
}
